"""A peer's process: answers, one JSON object a line, the requests that our example `workload` answers.

    forms                    names of the peer's forms for this workload
    losses FORM STEPS        objectives of the first steps
    time FORM STEPS          seconds of about so many further steps, and how many they were
    product N SECONDS        operations a second of an N x N matrix product
    infer CHUNK ROWS PASSES  seconds of encoding and decoding so many rows, CHUNK at a time, so many times

A form is built at its first use. Between requests the process waits in a read (and its parent stops it altogether).
"""

import json
import os
import sys
import time

# Set before a framework is imported: each keeps its own threads.
THREADS = int(sys.argv[2]) if len(sys.argv) > 2 else 1
for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[name] = str(THREADS)
# Rows of the first reconstruction whose sum shows that it is the same: no more than the smallest chunk.
CHECKED_ROWS = 256
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


class Form:
    """One way to train. `run(n)` does n steps or the next multiple of `multiple`, and returns their losses as a list,
    read when all are done."""

    multiple = 1

    def run(self, n):
        raise NotImplementedError

    def losses(self, n):
        return self.run(-(-n // self.multiple) * self.multiple)[:n]

    def time(self, n):
        n = -(-n // self.multiple) * self.multiple
        start = time.perf_counter()
        self.run(n)
        return {"seconds": time.perf_counter() - start, "steps": n}


def serve(versions, forms, product, infer):
    """`forms` maps names to functions that build a Form; `product(n)` does one product and waits for it; `infer(chunk,
    rows)` builds a function of no arguments that does one pass and returns the sum of the first CHECKED_ROWS outputs."""
    built, passes = {}, {}
    print(json.dumps({"versions": versions, "forms": list(forms)}), flush=True)

    def form(name):
        if name not in built:
            built[name] = forms[name]()
        return built[name]

    def answer(word, *rest):
        if word == "losses":
            return {"losses": form(rest[0]).losses(int(rest[1]))}
        if word == "time":
            return form(rest[0]).time(int(rest[1]))
        if word == "product":
            return {"rate": product_rate(product, int(rest[0]), float(rest[1]))}
        if word == "infer":
            chunk, rows, n = map(int, rest)
            key = (chunk, rows)
            if key not in passes:
                passes[key] = infer(chunk, rows)
                passes[key]()  # the first pass compiles and touches memory
            start = time.perf_counter()
            for _ in range(n):
                total = passes[key]()
            return {"seconds": time.perf_counter() - start, "rows": rows * n, "sum": float(total)}
        raise ValueError(f"no such request: {word}")

    for line in sys.stdin:
        # A form that does not run here must not take the others with it.
        try:
            print(json.dumps(answer(*line.split())), flush=True)
        except Exception as e:
            print(json.dumps({"error": f"{type(e).__name__}: {e}"[-600:]}), flush=True)


def product_rate(product, n, seconds):
    run = product(n)
    run()
    start, count = time.perf_counter(), 0
    while True:
        run()
        count += 1
        passed = time.perf_counter() - start
        if passed >= seconds:
            return 2 * n**3 * count / passed

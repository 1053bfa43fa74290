"""Python imports this as a process starts: those of an engine say in $CONTRACTIVE_READS which detectors they read."""

import logging
import os

if "CONTRACTIVE_READS" in os.environ:
    handler = logging.FileHandler(os.environ["CONTRACTIVE_READS"], delay=True)
    handler.setFormatter(logging.Formatter("%(process)d %(message)s"))
    logger = logging.getLogger("contractive.engines")
    logger.setLevel(logging.INFO)
    logger.addHandler(handler)

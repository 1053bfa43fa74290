# Sourced: the vector instructions that CONTRACTIVE_INSTRUCTIONS can ask for and that this processor has. Asked for what the
# processor lacks, the kernels take the best that it has, and a test of those instructions would be one of others.

# instruction_sets: their names, the best one last.
instruction_sets() {
    echo portable
    if grep -qw avx2 /proc/cpuinfo 2>/dev/null; then echo avx2; fi
    if grep -qw avx512f /proc/cpuinfo 2>/dev/null; then echo avx512; fi
}

# missing_instruction_sets: those that cannot be tested here, in words for people; nothing where all can.
missing_instruction_sets() {
    local one
    for one in avx2 avx512; do
        instruction_sets | grep -qx $one || echo "not tested with $one instructions: this processor has none"
    done
}

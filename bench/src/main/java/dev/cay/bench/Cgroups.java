package dev.cay.bench;

/** Where another program's control groups are made. */
enum Cgroups {
    MACHINE,
    /** In a mount namespace where there is version 2 alone. */
    VERSION_2_ONLY,
    NONE
}

/** The Linux kernel as seen from Java: the only module of Cay that calls native code. */
module dev.cay.linux {
    exports dev.cay.linux;
    exports dev.cay.linux.netlink;
}

/** The program that is the first process of every sandbox; its source is in {@code src/main/c}. */
module dev.cay.guest {
    exports dev.cay.guest;
}

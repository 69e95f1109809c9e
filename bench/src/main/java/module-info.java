/** Cay beside other sandboxes, measured in one run. Nothing of it is shipped. */
module dev.cay.bench {
    requires dev.cay;
    requires dev.cay.engine;
    requires dev.cay.linux;
    requires tools.jackson.databind;
}

/** Tests that need root, run on the module path as the product is. */
module dev.cay.it {
    requires dev.cay;
    requires dev.cay.cli;
    requires dev.cay.engine;
    requires dev.cay.linux;
}

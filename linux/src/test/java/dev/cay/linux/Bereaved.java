package dev.cay.linux;

import java.io.IOException;

/** A program that makes a child that is to die with it, prints its number and waits. */
final class Bereaved {
    private Bereaved() {}

    public static void main(String[] arguments) throws IOException, InterruptedException {
        try (HostKernel kernel = new HostKernel(Boolean.parseBoolean(arguments[0]));
                Child child =
                        kernel.spawn(Children.shell("exec sleep 1000", Processes.dieWithParent()), Children.TIED)) {
            System.out.println(child.pid());
            child.await();
        }
    }
}

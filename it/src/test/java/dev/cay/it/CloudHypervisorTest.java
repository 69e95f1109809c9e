package dev.cay.it;

import dev.cay.engine.microvm.CloudHypervisorVmm;
import dev.cay.engine.microvm.Vmm;

final class CloudHypervisorTest extends RealVmmContract {
    CloudHypervisorTest() {
        super("cloud-hypervisor");
    }

    @Override
    Vmm vmm() {
        return new CloudHypervisorVmm(home(), program());
    }
}

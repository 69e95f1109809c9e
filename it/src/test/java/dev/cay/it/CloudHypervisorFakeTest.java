package dev.cay.it;

import dev.cay.engine.microvm.CloudHypervisorVmm;
import dev.cay.engine.microvm.Vmm;
import java.nio.file.Path;

/** Cloud Hypervisor's driver, and a program that does as Cloud Hypervisor's API server does. */
final class CloudHypervisorFakeTest extends ApiContract {
    @Override
    Vmm vmm() {
        return new CloudHypervisorVmm(
                new FakeProgramHome(home(), FakeCloudHypervisor.class), Path.of("/usr/bin/cloud-hypervisor"));
    }
}

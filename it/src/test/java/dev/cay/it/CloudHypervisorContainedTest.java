package dev.cay.it;

import dev.cay.engine.microvm.CloudHypervisorVmm;
import dev.cay.engine.microvm.Vmm;
import java.nio.file.Path;

final class CloudHypervisorContainedTest extends ContainedFakeContract {
    @Override
    Vmm vmm() {
        return new CloudHypervisorVmm(
                new FakeProgramHome(home(), FakeCloudHypervisor.class), Path.of("/usr/bin/cloud-hypervisor"));
    }
}

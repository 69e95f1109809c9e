package dev.cay.it;

import dev.cay.engine.microvm.FirecrackerVmm;
import dev.cay.engine.microvm.Vmm;
import java.nio.file.Path;

final class FirecrackerContainedTest extends ContainedFakeContract {
    @Override
    Vmm vmm() {
        return new FirecrackerVmm(new FakeProgramHome(home(), FakeFirecracker.class), Path.of("/usr/bin/firecracker"));
    }
}

package dev.cay.it;

import dev.cay.engine.microvm.QemuType;

final class QemuMicrovmContractTest extends QemuContract {
    QemuMicrovmContractTest() {
        super(QemuType.MICROVM);
    }
}

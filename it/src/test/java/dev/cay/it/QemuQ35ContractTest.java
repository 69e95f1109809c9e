package dev.cay.it;

import dev.cay.engine.microvm.QemuType;

final class QemuQ35ContractTest extends QemuContract {
    QemuQ35ContractTest() {
        super(QemuType.Q35);
    }
}

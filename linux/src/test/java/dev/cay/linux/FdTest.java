package dev.cay.linux;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.Test;

class FdTest {
    @Test
    void isClosedOnce() throws InterruptedException {
        List<Integer> closed = new CopyOnWriteArrayList<>();
        Fd fd = new Fd(7, closed::add);
        Thread[] threads = new Thread[20];
        for (int i = 0; i < threads.length; i++) {
            threads[i] = Thread.startVirtualThread(fd::close);
        }
        for (Thread thread : threads) {
            thread.join();
        }

        assertThat(closed).containsExactly(7);
        assertThat(fd.isOpen()).isFalse();
        assertThatThrownBy(fd::number).isInstanceOf(IllegalStateException.class);
        assertThat(fd).hasToString("fd -1");
    }

    @Test
    void closesItsDescriptorInTheKernel() throws SyscallException {
        try (Pipe pipe = Pipe.reading()) {
            int number = pipe.theirs().number();

            pipe.theirs().close();

            assertThat(Native.call(SystemCall.FCNTL, number, 1)).isEqualTo(-Errno.EBADF.number());
        }
    }

    @Test
    void cannotBeWhatIsNoDescriptor() {
        assertThatThrownBy(() -> new Fd(-1)).isInstanceOf(IllegalArgumentException.class);
    }
}

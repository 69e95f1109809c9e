package dev.cay.linux;

import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Timeout;

/** A session with a stub that the test plays. */
@Timeout(60)
abstract class ConnectionLab {
    static final int RUN = StubConnection.RUN;
    static final int RESULT = StubConnection.RESULT;
    static final int MORE = StubConnection.MORE;
    static final long FOREVER = StubConnection.FOREVER;

    StubConnection connection;
    FakeStub stub;
    ExecutorService threads;

    @BeforeEach
    void open() throws SyscallException {
        List<Fd> ends = UnixSocket.pair();
        connection = new StubConnection(ends.getFirst());
        stub = new FakeStub(ends.getLast());
        threads = Executors.newCachedThreadPool();
    }

    @AfterEach
    void close() {
        connection.close();
        stub.close();
        threads.close();
    }

    Mailbox request(int number, int descriptors) {
        return connection.request(number, answer -> descriptors);
    }
}

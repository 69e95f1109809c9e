package dev.cay.linux.netlink;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.cay.linux.Arg;
import dev.cay.linux.Birth;
import dev.cay.linux.Child;
import dev.cay.linux.Errno;
import dev.cay.linux.FileOps;
import dev.cay.linux.Kernel;
import dev.cay.linux.Op;
import dev.cay.linux.OpList;
import dev.cay.linux.RecordingKernel;
import dev.cay.linux.Results;
import dev.cay.linux.SyscallException;
import dev.cay.linux.SystemCall;
import java.io.IOException;
import java.net.ProtocolException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What becomes of answers, good ones and bad ones, without a kernel that gives them. */
class NetlinkSocketTest {
    private static final NetlinkMessage FIRST = LinkMessages.delete("first");
    private static final NetlinkMessage SECOND = LinkMessages.delete("second");

    private final RecordingKernel kernel = new RecordingKernel();
    private long length;
    private NetlinkSocket socket;

    @BeforeEach
    void open() throws SyscallException {
        socket = NetlinkSocket.open(new AnsweringOnce(), NetlinkSocket.Protocol.ROUTE);
    }

    /** Answers what is sent; whoever reads more finds nothing. */
    private final class AnsweringOnce implements Kernel {
        @Override
        public Results run(OpList list) throws SyscallException {
            boolean sends = list.operations().stream().anyMatch(one -> one.call() == SystemCall.SENDTO);
            if (!sends) {
                kernel.answer(SystemCall.RECVFROM, -Errno.EAGAIN.number());
            }
            Results results = kernel.run(list);
            kernel.answer(SystemCall.RECVFROM, length);
            return results;
        }

        @Override
        public Child spawn(OpList list, Birth birth) throws SyscallException {
            return kernel.spawn(list, birth);
        }
    }

    @AfterEach
    void close() {
        socket.close();
        assertThat(kernel.openDescriptors()).isZero();
    }

    private void answer(Answers answers) {
        answer(answers.datagram(), answers.datagram().length);
    }

    private void answer(byte[] datagram, long result) {
        length = result;
        kernel.fill(SystemCall.RECVFROM, datagram).answer(SystemCall.RECVFROM, length);
    }

    private static byte[] sent(Op send) {
        return ((Arg.Bytes) send.arguments().get(1)).value();
    }

    private Op lastSend() {
        return kernel.runs().reversed().stream()
                .flatMap(list -> list.operations().stream())
                .filter(operation -> operation.call() == SystemCall.SENDTO)
                .findFirst()
                .orElseThrow();
    }

    @Test
    void requestsGoInOneDatagramAndAskForAcknowledgements() throws IOException {
        answer(new Answers().error(1, 0).error(2, 0));
        socket.execute(List.of(FIRST, SECOND));

        ByteBuffer datagram = ByteBuffer.wrap(sent(lastSend())).order(ByteOrder.LITTLE_ENDIAN);
        assertThat(lastSend()).hasToString("sendto(RTM_DELLINK(first), RTM_DELLINK(second))");
        assertThat(datagram.getShort(4)).isEqualTo((short) 17);
        assertThat(datagram.getShort(6)).isEqualTo((short) 5);
        assertThat(datagram.getInt(8)).isEqualTo(1);
        int second = datagram.getInt(0) + 3 & ~3;
        assertThat(datagram.getInt(second + 8)).isEqualTo(2);
        assertThat(second + datagram.getInt(second)).isEqualTo(datagram.capacity());
    }

    @Test
    void sequenceNumbersCountOn() throws IOException {
        answer(new Answers().error(1, 0));
        socket.execute(FIRST);
        assertThatThrownBy(() -> socket.execute(FIRST))
                .as("the answer is that to the first request")
                .isInstanceOf(ProtocolException.class);
        answer(new Answers().error(3, 0));
        socket.execute(FIRST);
    }

    @Test
    void theFirstFailureIsThrownWithItsWords() {
        answer(new Answers().error(2, 22, "second\nfails", -1).error(1, 19));

        NetlinkException failure =
                catchThrowableOfType(NetlinkException.class, () -> socket.execute(List.of(FIRST, SECOND)));
        assertThat(failure).hasMessage("RTM_DELLINK(first): ENODEV");
        assertThat(failure.is(Errno.ENODEV)).isTrue();

        answer(new Answers().error(4, 22, "second\nfails", -1).error(3, 0));
        assertThatThrownBy(() -> socket.execute(List.of(FIRST, SECOND)))
                .hasMessage("RTM_DELLINK(second): EINVAL: second?fails");
    }

    @Test
    void theOffsetOfAnErrorNamesThePart() {
        NftSet set = NftSet.of(new NftTable(NftFamily.INET, "t"), "s", NftDataType.PORT);
        NftBatch batch =
                new NftBatch().addElements(set, NftElement.of(NftValue.u16(80)), NftElement.of(NftValue.u16(443)));
        NetlinkMessage elements = batch.messages().get(1);
        answer(new Answers().error(2, 17, "", 16 + elements.body().length() - 4));

        assertThatThrownBy(() -> socket.transact(batch.messages()))
                .hasMessage("NFT_MSG_NEWSETELEM(inet t @s: 01bb): EEXIST");
    }

    @Test
    void noAnswerAndLostAnswers() {
        answer(new byte[0], -Errno.EAGAIN.number());
        assertThatThrownBy(() -> socket.execute(FIRST))
                .isInstanceOf(ProtocolException.class)
                .hasMessage("RTM_DELLINK(first): no answer");
        assertThatThrownBy(() -> socket.ask(FIRST)).hasMessage("RTM_DELLINK(first): no answer");
        assertThatThrownBy(() -> socket.dump(FIRST)).hasMessage("RTM_DELLINK(first): the answer has no end");
        answer(new byte[0], -Errno.ENOBUFS.number());
        assertThatThrownBy(() -> socket.execute(FIRST)).hasMessage("RTM_DELLINK(first): ENOBUFS: the answer was lost");
    }

    @Test
    void aCallThatFailsIsASyscallException() {
        kernel.answer(SystemCall.SENDTO, -Errno.EPERM.number());
        assertThatThrownBy(() -> socket.execute(FIRST))
                .isInstanceOf(SyscallException.class)
                .hasMessage("sendto(RTM_DELLINK(first)): EPERM (step 0)");
    }

    @Test
    void answersThatAreTooLongOrBrokenAreRefused() {
        answer(new byte[0], 40_000);
        assertThatThrownBy(() -> socket.execute(FIRST)).isInstanceOf(ProtocolException.class);
        answer(new byte[0], 7);
        assertThatThrownBy(() -> socket.execute(FIRST)).isInstanceOf(ProtocolException.class);
        answer(new byte[] {15, 0, 0, 0}, 32);
        assertThatThrownBy(() -> socket.execute(FIRST)).isInstanceOf(ProtocolException.class);
        answer(new byte[] {33, 0, 0, 0}, 32);
        assertThatThrownBy(() -> socket.execute(FIRST)).isInstanceOf(ProtocolException.class);
    }

    @Test
    void aDumpIsAllFramesUpToItsEnd() throws IOException {
        answer(new Answers()
                .frame(16, 2, 1, new byte[] {1, 2, 3, 4})
                .frame(16, 2, 99, new byte[] {9})
                .frame(16, 2, 1, new byte[] {5})
                .done(2, 1, 0)
                .frame(16, 2, 1, new byte[] {6}));

        assertThat(socket.dump(LinkMessages.askAll()))
                .extracting(frame -> frame.body().bytes())
                .containsExactly(new byte[] {1, 2, 3, 4}, new byte[] {5});
    }

    @Test
    void aDumpThatFails() {
        answer(new Answers().error(1, 1));
        assertThatThrownBy(() -> socket.dump(LinkMessages.askAll())).hasMessage("RTM_GETLINK: EPERM");
        answer(new Answers().done(2, 2, 16));
        assertThatThrownBy(() -> socket.dump(LinkMessages.askAll())).hasMessage("RTM_GETLINK: EBUSY");
    }

    @Test
    void aDumpThatWasInterruptedIsMadeAgain() {
        int interrupted = 0x10;
        Answers answers = new Answers();
        for (int sequence = 1; sequence <= 32; sequence++) {
            answers.frame(16, interrupted, sequence, new byte[4]).done(0, sequence, 0);
        }
        answer(answers);

        assertThatThrownBy(() -> socket.dump(LinkMessages.askAll()))
                .hasMessage("RTM_GETLINK: EINTR: it changes faster than it can be read");
        assertThat(kernel.runs()).hasSizeGreaterThan(32);
    }

    @Test
    void aDumpThatWasInterruptedOnce() throws IOException {
        answer(new Answers()
                .frame(16, 0x10, 1, new byte[4])
                .done(0, 1, 0)
                .frame(16, 0, 2, new byte[] {7})
                .done(0, 2, 0));

        assertThat(socket.dump(LinkMessages.askAll()))
                .extracting(frame -> frame.body().bytes())
                .containsExactly(new byte[] {7});
    }

    @Test
    void socketsOfOtherNamespacesAreOpenedByAThreadOfTheirOwn() throws IOException {
        Op open = FileOps.open("/proc/self/ns/net", 0);
        try (var namespace = kernel.run(OpList.of(open)).fd(open);
                NetlinkSocket other = NetlinkSocket.openIn(kernel, namespace, NetlinkSocket.Protocol.NETFILTER)) {
            assertThat(other).isNotNull();
            assertThat(kernel.runs().getLast().operations())
                    .extracting(Op::call)
                    .startsWith(SystemCall.SETNS, SystemCall.SOCKET, SystemCall.CONNECT);
            Op veth = NetlinkMessage.send(
                    Arg.of(namespace),
                    List.of(
                            FIRST,
                            LinkMessages.create(
                                    LinkSettings.named("v0"),
                                    new LinkKind.Veth(LinkSettings.named("eth0"), Optional.of(namespace)))),
                    1);
            ByteBuffer bytes = ByteBuffer.wrap(sent(veth)).order(ByteOrder.LITTLE_ENDIAN);
            assertThat("fd " + bytes.getInt(bytes.capacity() - 4))
                    .as("the number of the descriptor stands in the message")
                    .isEqualTo(namespace.toString());
        }
    }

    @Test
    void aFailureToOpenIsThrownToWhoeverAsked() throws IOException {
        Op open = FileOps.open("/proc/self/ns/net", 0);
        try (var namespace = kernel.run(OpList.of(open)).fd(open)) {
            kernel.answer(SystemCall.SETNS, -Errno.EPERM.number());
            assertThatThrownBy(() -> NetlinkSocket.openIn(kernel, namespace, NetlinkSocket.Protocol.ROUTE))
                    .isInstanceOf(SyscallException.class)
                    .hasMessageContaining("setns(network): EPERM");
        }
    }
}

package dev.cay.linux.netlink;

import dev.cay.linux.Errno;
import java.io.IOException;

/**
 * The kernel refused a request. The message names the request, what it was about, the error, and what the kernel says
 * of it if it says anything: {@code RTM_NEWADDR(10.0.0.1/24 on 7): EINVAL: ipv4: Invalid prefix length}.
 */
public final class NetlinkException extends IOException {
    private static final long serialVersionUID = 1;

    private final String request;
    private final String object;
    private final int errno;
    private final String text;

    NetlinkException(NetlinkMessage request, int errno, String text) {
        this(request.name(), request.object(), errno, text);
    }

    NetlinkException(NetlinkMessage request, Answer answer) {
        this(request.name(), request.object() + part(request, answer), answer.errno(), answer.text());
    }

    private NetlinkException(String request, String object, int errno, String text) {
        super(request
                + (object.isEmpty() ? "" : "(" + object + ")")
                + ": "
                + Errno.nameOf(errno)
                + (text.isEmpty() ? "" : ": " + text));
        this.request = request;
        this.object = object;
        this.errno = errno;
        this.text = text;
    }

    private static String part(NetlinkMessage request, Answer answer) {
        return answer.offset().isPresent()
                ? request.part(answer.offset().getAsInt())
                        .map(part -> ": " + part)
                        .orElse("")
                : "";
    }

    /** The name of the request's type: {@code RTM_NEWLINK}. */
    public String request() {
        return request;
    }

    /** What the request was about: the name of a link, a chain, an element; may be empty. */
    public String object() {
        return object;
    }

    /** The error number. */
    public int errno() {
        return errno;
    }

    public boolean is(Errno other) {
        return errno == other.number();
    }

    /** What the kernel says of the error; empty if it says nothing. */
    public String text() {
        return text;
    }
}

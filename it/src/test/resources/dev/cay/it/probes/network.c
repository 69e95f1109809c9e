/*
 * reach PROTOCOL,ADDRESS,PORT...        what comes of asking, over tcp, udp or icmp: an answer, an error's name, or timeout
 * lie MAC,ADDRESS MAC,ADDRESS MAC TARGET frames that claim to be what they are not, and then a true one, three times; the
 *                                        first is who sends them, the second his neighbour, the third the gateway
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netpacket/packet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

typedef unsigned char byte;

static unsigned sum(const byte *data, int size, unsigned start) {
    for (int i = 0; i + 1 < size; i += 2) start += data[i] << 8 | data[i + 1];
    if (size & 1) start += data[size - 1] << 8;
    while (start >> 16) start = (start & 0xffff) + (start >> 16);
    return start;
}

static const char *error(void) {
    return errno == EAGAIN || errno == EINPROGRESS ? "timeout" : strerrorname_np(errno);
}

static void say(const char *target, const char *what) {
    printf("%s %s\n", target, what);
}

static void ping(const char *target, int six, struct sockaddr_storage *to, socklen_t size) {
    byte question[16] = {six ? 128 : 8, 0, 0, 0, 0x0c, 0xa7, 0, 1, 'c', 'a', 'y', '-', 'p', 'i', 'n', 'g'};
    byte answer[2000];
    char text[INET6_ADDRSTRLEN];
    int s = socket(six ? AF_INET6 : AF_INET, SOCK_RAW, six ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
    if (s < 0) return say(target, error());
    unsigned check = ~sum(question, sizeof question, 0);
    if (!six) question[2] = check >> 8, question[3] = check;
    for (int attempt = 0; attempt < 60; attempt++) {
        struct pollfd waiting = {s, POLLIN};
        if (attempt % 10 == 0) sendto(s, question, sizeof question, 0, (void *) to, size);
        while (poll(&waiting, 1, 100) > 0) {
            struct sockaddr_storage from;
            socklen_t room = sizeof from;
            int length = recvfrom(s, answer, sizeof answer, 0, (void *) &from, &room);
            byte *part = six ? answer : answer + (answer[0] & 15) * 4;
            if (length < 16 || !memmem(answer, length, question + 8, 8)) continue;
            if (part[0] == (six ? 129 : 0)) {
                inet_ntop(from.ss_family, six ? (void *) &((struct sockaddr_in6 *) &from)->sin6_addr
                                              : (void *) &((struct sockaddr_in *) &from)->sin_addr, text, sizeof text);
                close(s);
                return say(target, text);
            }
            if (part[0] == (six ? 1 : 3)) {
                close(s);
                return say(target, "refused");
            }
        }
    }
    close(s);
    say(target, "timeout");
}

static void reach(const char *target) {
    char protocol[8], address[64], answer[101] = {0};
    int port;
    struct sockaddr_storage to = {0};
    struct sockaddr_in *four = (void *) &to;
    struct sockaddr_in6 *six = (void *) &to;
    struct timeval patience = {4, 0};
    if (sscanf(target, "%7[^,],%63[^,],%d", protocol, address, &port) != 3) exit(2);
    int is6 = strchr(address, ':') != NULL, udp = !strcmp(protocol, "udp");
    socklen_t size = is6 ? sizeof *six : sizeof *four;
    if (is6) six->sin6_family = AF_INET6, six->sin6_port = htons(port);
    else four->sin_family = AF_INET, four->sin_port = htons(port);
    if (inet_pton(is6 ? AF_INET6 : AF_INET, address, is6 ? (void *) &six->sin6_addr : (void *) &four->sin_addr) != 1) exit(2);
    if (!strcmp(protocol, "icmp")) {
        if (is6) six->sin6_port = 0;
        return ping(target, is6, &to, size);
    }
    int s = socket(is6 ? AF_INET6 : AF_INET, udp ? SOCK_DGRAM : SOCK_STREAM, 0);
    setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(s, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (connect(s, (void *) &to, size) < 0 || udp && send(s, "?", 1, 0) < 0) say(target, error());
    else {
        int length = recv(s, answer, 100, 0);
        say(target, length < 0 ? error() : length == 0 ? "nothing" : answer);
    }
    close(s);
}

static byte gateway[6], target[4];

static void station(const char *text, byte *mac, byte *address) {
    char ip[20] = "0.0.0.0";
    if (sscanf(text, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx,%19s", mac, mac + 1, mac + 2, mac + 3, mac + 4, mac + 5, ip) < 6) exit(2);
    if (address && inet_pton(AF_INET, ip, address) != 1) exit(2);
}

static void frame(int s, const byte *mac, const byte *address, const char *text) {
    byte data[200] = {0}, *head = data + 14, *body = data + 34;
    int length = strlen(text);
    memcpy(data, gateway, 6);
    memcpy(data + 6, mac, 6);
    data[12] = 8;
    memcpy(head, "\x45\0\0\0\0\x01\0\0\x40\x11\0\0", 12);
    head[3] = 28 + length;
    memcpy(head + 12, address, 4);
    memcpy(head + 16, target, 4);
    unsigned check = ~sum(head, 20, 0);
    head[10] = check >> 8, head[11] = check;
    memcpy(body, "\x0f\xa0\x1b\x61\0\0\0\0", 8);
    body[5] = 8 + length;
    memcpy(body + 8, text, length);
    if (send(s, data, 42 + length, 0) < 0) perror("send"), exit(1);
}

static void arp(int s, const byte *mac, const byte *claimed, const byte *to) {
    byte data[42] = {[0 ... 5] = 0xff};
    memcpy(data + 6, mac, 6);
    memcpy(data + 12, "\x08\x06\0\x01\x08\0\x06\x04\0\x02", 10);
    memcpy(data + 22, mac, 6);
    memcpy(data + 28, claimed, 4);
    memcpy(data + 38, to, 4);
    if (send(s, data, sizeof data, 0) < 0) perror("send"), exit(1);
}

static void lie(char **names) {
    byte me[6], mine[4], neighbour[6], his[4];
    struct sockaddr_ll link = {.sll_family = AF_PACKET, .sll_protocol = 0, .sll_ifindex = if_nametoindex("eth0")};
    int s = socket(AF_PACKET, SOCK_RAW, 0);
    station(names[0], me, mine);
    station(names[1], neighbour, his);
    station(names[2], gateway, NULL);
    if (inet_pton(AF_INET, names[3], target) != 1 || s < 0 || bind(s, (void *) &link, sizeof link) < 0) perror("socket"), exit(1);
    for (int i = 0; i < 3; i++) {
        frame(s, neighbour, mine, "cay-lie of a station");
        frame(s, gateway, mine, "cay-lie of the gateway's station");
        frame(s, me, his, "cay-lie of an address");
        frame(s, neighbour, his, "cay-lie of both");
        arp(s, me, his, mine);
        arp(s, neighbour, mine, his);
        frame(s, me, mine, "cay-truth");
    }
}

int main(int count, char **arguments) {
    if (!strcmp(arguments[1], "lie") && count == 6) lie(arguments + 2);
    else if (!strcmp(arguments[1], "reach")) for (int i = 2; i < count; i++) reach(arguments[i]);
    else return 2;
    return 0;
}

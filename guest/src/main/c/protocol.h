/* Formats that others depend on: frames, lists, records. Little endian, as both architectures are. */
enum kind {
    HELLO = 1, PING, PONG, RUN, RESULT, DATA, CREDIT, END, EXIT, ATTACH, ATTACHED, DETACH, RESIZE, SIGNAL, LIFETIME, CANCEL,
    CONNECT, LISTEN, CLOSE, SILENCE, ALIVE
};

enum {
    VERSION = 1,
    MORE = 1,                  /* flag of RUN and RESULT */
    LEAVE = 2,                 /* flag of RUN: not now */
    ONLOOKER = 1,              /* flag of HELLO on a channel */
    INPUT = 0, OUTPUT, ERROR,  /* flags of DATA, CREDIT and END: the stream */
    WHOLE = 3,                 /* flag of END: the execution as such */
    FRAME_SIZE = 32768,
    PING_SIZE = 64,
    LIST_SIZE = 8 << 20,       /* also of its room */
    LIST_DESCRIPTORS = 32,     /* each way */
    WINDOW = 65536,            /* input that may be under way */
    RECORD_RING = 4096,
    RUSAGE = 18,               /* u64 of a struct rusage, getrusage(2) */
};

struct frame {
    u32 stream;
    u8 kind, flags;
    u16 length;
};

/* What a session begins with. On a channel the low half of the nonce stands behind each frame that comes, so it is not 0. */
struct greeting {
    char magic[8];
    u64 nonce;
};
#define GREETING "CaySTUB1"

enum mode { INLINE, CHILD, EXECUTION };

struct list_header {
    u32 total, room;
    u16 operations, relocations, descriptors, mode;
    u64 clone_flags;
    i32 cgroup;
    u32 reply, reply_length, execution;
    i32 record, cgroup_kill;
    u32 timeout, grace;
    i32 ours[3];
    u32 ring;
    u64 zero;
};
_Static_assert(sizeof(struct list_header) == 80, "the layout is the contract");

struct operation {
    i64 number;
    u64 arguments[6];
    u64 mask;
    u16 tolerated[4];
    i64 result;
};
_Static_assert(sizeof(struct operation) == 80, "the layout is the contract");

enum { VALUE_BIT = 0, OFFSET_BIT = 8, DESCRIPTOR_BIT = 16, REPEAT_BIT = 24, SEND_BIT = 25, BITS = 26 };

struct relocation {
    u32 at, to;
};

/* From byte 12 of the record on; its state, at 8, is written when the rest is there. */
struct record {
    i32 pid, code, status;
    u64 started, ended;
    u32 timed_out;
} __attribute__((packed));
enum record_state { STARTING, RUNNING, ENDED };
enum { RECORD_STATE = 8, RECORD_FIELDS = 12, RECORD_COUNTS = 64, RECORD_USAGE = 80 };

/* {{ comment }}
 * Driver of {{ top }}; C99 and C++, freestanding, no memory of its own.
 *
 * A core is reached through two functions, or through a pointer where its registers are mapped into
 * memory. Data come and go on AXI4-Stream, by DMA or by logic: this driver sets the registers that
 * go with them. To run heads of 100 keys with 100 rows each:
 *
 *     struct logattn core;
 *     enum logattn_result result = logattn_probe(&core, logattn_memory((volatile uint32_t *)BASE));
 *     if (result == LOGATTN_OK) result = logattn_set_head(&core, 100, 100);
 *     if (result == LOGATTN_OK) result = logattn_set_row_length(&core, 100);
 *     if (result == LOGATTN_OK) result = logattn_enable(&core, true);
 *     ... send values (and keys) and rows, take outputs ...
 *     if (result == LOGATTN_OK) result = logattn_wait_idle(&core, 1000000);
 *     uint32_t errors = logattn_errors(&core);
 *
 * Registers are set before the data that go with them are sent: a packet that waits while the
 * lengths do not fit together sets the error bad_length.
 *
 * It is built for one configuration; probing refuses a core of another. Several cores of this
 * configuration are several `struct logattn`. Nothing is locked: a core belongs to one thread. */
#ifndef LOGATTN_H
#define LOGATTN_H

#include <stdbool.h>
#include <stdint.h>

#include "{{ name }}_registers.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What a call came to. */
enum logattn_result {
    LOGATTN_OK = 0,
    LOGATTN_NO_CORE,             /* ID does not read "LATN" */
    LOGATTN_OTHER_CONFIGURATION, /* a core, but generated from another configuration */
    LOGATTN_BAD_ARGUMENT,        /* out of range; nothing was written */
    LOGATTN_LOCKED,              /* the core is busy with rows or a head; the register kept its value,
                                  * and the error write_locked is set */
    LOGATTN_TIMEOUT,             /* polled as often as was asked, and still not so */
    LOGATTN_ABSENT               /* this configuration has no such register */
};

/* How registers are read and written: `offset` is in bytes, a multiple of 4. */
struct logattn_bus {
    uint32_t (*read)(void *context, uint32_t offset);
    void (*write)(void *context, uint32_t offset, uint32_t value);
    void *context;
};

/* A core that was probed. */
struct logattn {
    struct logattn_bus bus;
};

/* What the core was generated with, as its registers tell. */
struct logattn_capabilities {
    uint32_t version;        /* of the generator: major, minor, patch in bytes 2, 1, 0 */
    uint32_t head_dimension; /* elements of a value */
    uint32_t max_keys;
    uint32_t keys_per_beat;
    uint32_t lanes;        /* value elements of a beat */
    uint32_t query_block;  /* rows of a packet of rows */
    uint32_t output_lanes; /* elements of an output beat */
    uint32_t input;        /* 0 probabilities, 1 scores, 2 queries and keys */
    uint32_t normalize;    /* 0 none, 1 reciprocal, 2 complement */
};

/* Counts since the last reset; each wraps at 2^32. */
struct logattn_counters {
    uint32_t cycles, rows, keys, survivors, value_reads, stall_input, stall_value, stall_output;
};

/* The bus of registers that are mapped into memory at `base`, which is aligned to 4 bytes. */
struct logattn_bus logattn_memory(volatile uint32_t *base);

/* Checks that there is a core of this configuration, and takes it as it is: nothing is written. */
enum logattn_result logattn_probe(struct logattn *core, struct logattn_bus bus);

struct logattn_capabilities logattn_capabilities(const struct logattn *core);

/* Whether packets are taken; takes effect between packets. Off after reset. */
enum logattn_result logattn_enable(struct logattn *core, bool enabled);

/* Starts the core's unit anew: what is under way is lost, counters are 0, registers keep their
 * values, errors stay. A row that is going out may be cut off. In this order:
 *
 *   1. Stop the senders after the packets that they have begun, or reset them.
 *   2. logattn_reset. What comes of packets that were begun is dropped to their ends, which are
 *      polled for at most `polls` times. Senders that were reset will never send those ends: with
 *      `forget` they are not waited for, and what comes next begins a packet.
 *   3. Reset the receiver, or let it drop what it has of a row.
 *   4. Send again.
 *
 * LOGATTN_TIMEOUT: a begun packet has not ended. The core stays in reset, and drops what comes: call
 * again, or reset the senders and call with `forget`. */
enum logattn_result logattn_reset(struct logattn *core, bool forget, uint32_t polls);

/* Keys of a head, 1 to max_keys, and packets of rows in a head, 1 to 65535. LOGATTN_LOCKED while a
 * head is open, as everything that may be locked: only if the register has another value now. */
enum logattn_result logattn_set_head(struct logattn *core, uint32_t keys, uint32_t blocks);

/* Keys of a row, 1 to the head's keys (not checked here: the core waits, and sets bad_length).
 * LOGATTN_LOCKED while rows are in flight and within a causal head; so are thresholds, shifts, levels
 * and score shift. */
enum logattn_result logattn_set_row_length(struct logattn *core, uint32_t keys);

/* Whether each row of a head has a key more than the row before. LOGATTN_LOCKED while a head is
 * open. */
enum logattn_result logattn_set_causal(struct logattn *core, bool causal);

/* Right shift of the products of queries and keys. */
enum logattn_result logattn_set_score_shift(struct logattn *core, uint32_t shift);

/* Thresholds of codes 1 to `count`, which is the number of codes; non-decreasing. Of probabilities:
 * 1 or more. Of scores: differences to the row's largest score, 0 or less, each above minus the
 * largest distance 2^distance_bits - 1, at which a key is always pruned. */
enum logattn_result logattn_set_thresholds(struct logattn *core, const int32_t *thresholds,
                                           uint32_t count);

/* Shifts of codes 1 to `count`: code i weighs 2^-shifts[i - 1]; at most the core's largest shift,
 * non-increasing. */
enum logattn_result logattn_set_shifts(struct logattn *core, const uint32_t *shifts, uint32_t count);

/* Levels of codes 1 to `count`. */
enum logattn_result logattn_set_levels(struct logattn *core, const uint32_t *levels, uint32_t count);

/* Cycles without a beat of values (or of keys) while rows wait for them, before the error
 * load_timeout; 0: any number. */
enum logattn_result logattn_set_load_timeout(struct logattn *core, uint32_t cycles);

/* Rows are in flight. */
bool logattn_busy(const struct logattn *core);

/* Values or keys are loaded or held, or rows of a head are missing. */
bool logattn_head_open(const struct logattn *core);

/* The rest of a packet that a reset came into, or that was too long, is still to come; it is
 * dropped. */
bool logattn_dropping(const struct logattn *core);

/* Polls at most `polls` times until no head is open and nothing is to be dropped. */
enum logattn_result logattn_wait_idle(const struct logattn *core, uint32_t polls);

/* Errors since they were cleared, LOGATTN_ERRORS_*_MASK. */
uint32_t logattn_errors(const struct logattn *core);

/* Clears the errors in `mask`. */
void logattn_clear_errors(struct logattn *core, uint32_t mask);

/* Name of the error at a bit of the mask, 0 to 31; NULL where there is none. */
const char *logattn_error_name(uint32_t bit);

/* Which errors raise the interrupt. */
void logattn_enable_interrupts(struct logattn *core, uint32_t mask);

/* Counts; not taken in one moment. */
struct logattn_counters logattn_counters(const struct logattn *core);

/* Name of a result, for messages. */
const char *logattn_result_name(enum logattn_result result);

#ifdef __cplusplus
}
#endif

#endif /* LOGATTN_H */

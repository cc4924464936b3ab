/* SPDX-License-Identifier: Apache-2.0
 * See logattn.h. */
#include "logattn.h"

#include <stddef.h>

/* A field's value in the word of its register. */
#define FIELD(word, name) (((word)&LOGATTN_##name##_MASK) >> LOGATTN_##name##_SHIFT)

static uint32_t read_word(const struct logattn *core, uint32_t offset)
{
    return core->bus.read(core->bus.context, offset);
}

static void write_word(struct logattn *core, uint32_t offset, uint32_t value)
{
    core->bus.write(core->bus.context, offset, value);
}

/* Writes a register that may be locked. A value that is there already is not written: a refused
 * write sets write_locked, whatever the value. Whether a write was refused is told by the register
 * itself, which is read back: the core may have become busy since it was last looked at. */
static enum logattn_result write_lockable(struct logattn *core, uint32_t offset, uint32_t value)
{
    if (read_word(core, offset) == value) {
        return LOGATTN_OK;
    }
    write_word(core, offset, value);
    return read_word(core, offset) == value ? LOGATTN_OK : LOGATTN_LOCKED;
}

static uint32_t memory_read(void *context, uint32_t offset)
{
    return ((volatile uint32_t *)context)[offset / 4];
}

static void memory_write(void *context, uint32_t offset, uint32_t value)
{
    ((volatile uint32_t *)context)[offset / 4] = value;
}

struct logattn_bus logattn_memory(volatile uint32_t *base)
{
    struct logattn_bus bus;
    bus.read = memory_read;
    bus.write = memory_write;
    /* Only memory_read and memory_write see it, which make it volatile again. */
    bus.context = (void *)(uintptr_t)base;
    return bus;
}

enum logattn_result logattn_probe(struct logattn *core, struct logattn_bus bus)
{
    core->bus = bus;
    if (read_word(core, LOGATTN_ID_OFFSET) != LOGATTN_ID_AT_RESET) {
        return LOGATTN_NO_CORE;
    }
    if (read_word(core, LOGATTN_CONFIGURATION_OFFSET) != LOGATTN_CONFIGURATION_AT_RESET) {
        return LOGATTN_OTHER_CONFIGURATION;
    }
    return LOGATTN_OK;
}

#ifdef LOGATTN_THRESHOLD_COUNT
/* Writes the registers of codes 1 to count, the first of them at an offset. */
static enum logattn_result write_codes(struct logattn *core, uint32_t first, const uint32_t *words,
                                       uint32_t count, uint32_t mask)
{
    uint32_t i;
    for (i = 0; i < count; ++i) {
        const enum logattn_result result = write_lockable(core, first + 4u * i, words[i] & mask);
        if (result != LOGATTN_OK) {
            return result;
        }
    }
    return LOGATTN_OK;
}
#endif

struct logattn_capabilities logattn_capabilities(const struct logattn *core)
{
    struct logattn_capabilities found;
    const uint32_t shape = read_word(core, LOGATTN_CAPABILITY_SHAPE_OFFSET);
    const uint32_t parallel = read_word(core, LOGATTN_CAPABILITY_PARALLEL_OFFSET);
    const uint32_t modes = read_word(core, LOGATTN_CAPABILITY_MODES_OFFSET);
    found.version = read_word(core, LOGATTN_VERSION_OFFSET);
    found.head_dimension = FIELD(shape, CAPABILITY_SHAPE_HEAD_DIMENSION);
    found.max_keys = FIELD(shape, CAPABILITY_SHAPE_MAX_KEYS);
    found.keys_per_beat = FIELD(parallel, CAPABILITY_PARALLEL_KEYS_PER_BEAT);
    found.lanes = FIELD(parallel, CAPABILITY_PARALLEL_LANES);
    found.query_block = FIELD(parallel, CAPABILITY_PARALLEL_QUERY_BLOCK);
    found.output_lanes = FIELD(parallel, CAPABILITY_PARALLEL_OUTPUT_LANES);
    found.input = FIELD(modes, CAPABILITY_MODES_INPUT);
    found.normalize = FIELD(modes, CAPABILITY_MODES_NORMALIZE);
    return found;
}

enum logattn_result logattn_enable(struct logattn *core, bool enabled)
{
    uint32_t control = read_word(core, LOGATTN_CONTROL_OFFSET);
    control &= ~LOGATTN_CONTROL_ENABLE_MASK;
    if (enabled) {
        control |= LOGATTN_CONTROL_ENABLE_MASK;
    }
    write_word(core, LOGATTN_CONTROL_OFFSET, control);
    return LOGATTN_OK;
}

enum logattn_result logattn_reset(struct logattn *core, bool forget, uint32_t polls)
{
    const uint32_t enable = read_word(core, LOGATTN_CONTROL_OFFSET) & LOGATTN_CONTROL_ENABLE_MASK;
    uint32_t control = enable | LOGATTN_CONTROL_RESET_MASK;
    enum logattn_result idle;
    if (forget) {
        control |= LOGATTN_CONTROL_FORGET_MASK;
    }
    write_word(core, LOGATTN_CONTROL_OFFSET, control);
    idle = logattn_wait_idle(core, polls);
    if (idle == LOGATTN_OK) {
        write_word(core, LOGATTN_CONTROL_OFFSET, enable);
    }
    return idle;
}

enum logattn_result logattn_set_head(struct logattn *core, uint32_t keys, uint32_t blocks)
{
    enum logattn_result result;
    if (keys < 1 || keys > LOGATTN_HEAD_KEYS_AT_RESET) { /* after reset it is the largest */
        return LOGATTN_BAD_ARGUMENT;
    }
    if (blocks < 1 || blocks > LOGATTN_HEAD_BLOCKS_VALUE_MASK) {
        return LOGATTN_BAD_ARGUMENT;
    }
    result = write_lockable(core, LOGATTN_HEAD_KEYS_OFFSET, keys);
    if (result != LOGATTN_OK) {
        return result;
    }
    return write_lockable(core, LOGATTN_HEAD_BLOCKS_OFFSET, blocks);
}

enum logattn_result logattn_set_row_length(struct logattn *core, uint32_t keys)
{
    if (keys < 1 || keys > LOGATTN_ROW_LENGTH_AT_RESET) { /* after reset it is the largest */
        return LOGATTN_BAD_ARGUMENT;
    }
    return write_lockable(core, LOGATTN_ROW_LENGTH_OFFSET, keys);
}

enum logattn_result logattn_set_causal(struct logattn *core, bool causal)
{
#ifdef LOGATTN_MASK_OFFSET
    return write_lockable(core, LOGATTN_MASK_OFFSET, causal ? LOGATTN_MASK_CAUSAL_MASK : 0u);
#else
    (void)core;
    return causal ? LOGATTN_ABSENT : LOGATTN_OK;
#endif
}

enum logattn_result logattn_set_score_shift(struct logattn *core, uint32_t shift)
{
#ifdef LOGATTN_SCORE_SHIFT_OFFSET
    if (shift > LOGATTN_SCORE_SHIFT_VALUE_MASK) {
        return LOGATTN_BAD_ARGUMENT;
    }
    return write_lockable(core, LOGATTN_SCORE_SHIFT_OFFSET, shift);
#else
    (void)core;
    (void)shift;
    return LOGATTN_ABSENT;
#endif
}

enum logattn_result logattn_set_thresholds(struct logattn *core, const int32_t *thresholds,
                                           uint32_t count)
{
#ifdef LOGATTN_THRESHOLD_COUNT
    const uint32_t mask = LOGATTN_THRESHOLD_1_VALUE_MASK;
    uint32_t i;
    if (count != LOGATTN_THRESHOLD_COUNT) {
        return LOGATTN_BAD_ARGUMENT;
    }
    for (i = 0; i < count; ++i) {
#ifdef LOGATTN_CAPABILITY_SCORES_OFFSET
        /* Distances to the largest score; the largest distance, mask / 2, stays below them all. */
        const bool fits = thresholds[i] <= 0 && -(int64_t)thresholds[i] < (int64_t)(mask / 2u);
#else
        /* A probability of 0 has no code. */
        const bool fits = thresholds[i] >= 1 && (uint32_t)thresholds[i] <= mask;
#endif
        if (!fits || (i > 0 && thresholds[i] < thresholds[i - 1])) {
            return LOGATTN_BAD_ARGUMENT;
        }
    }
    return write_codes(core, LOGATTN_THRESHOLD_OFFSET(1u), (const uint32_t *)thresholds, count, mask);
#else
    (void)core;
    (void)thresholds;
    (void)count;
    return LOGATTN_ABSENT;
#endif
}

enum logattn_result logattn_set_shifts(struct logattn *core, const uint32_t *shifts, uint32_t count)
{
#ifdef LOGATTN_SHIFT_COUNT
    const uint32_t format = read_word(core, LOGATTN_CAPABILITY_FORMAT_OFFSET);
    const uint32_t largest = FIELD(format, CAPABILITY_FORMAT_MAX_SHIFT);
    uint32_t i;
    if (count != LOGATTN_SHIFT_COUNT) {
        return LOGATTN_BAD_ARGUMENT;
    }
    for (i = 0; i < count; ++i) {
        if (shifts[i] > largest || (i > 0 && shifts[i] > shifts[i - 1])) {
            return LOGATTN_BAD_ARGUMENT;
        }
    }
    return write_codes(core, LOGATTN_SHIFT_OFFSET(1u), shifts, count, LOGATTN_SHIFT_1_VALUE_MASK);
#else
    (void)core;
    (void)shifts;
    (void)count;
    return LOGATTN_ABSENT;
#endif
}

enum logattn_result logattn_set_levels(struct logattn *core, const uint32_t *levels, uint32_t count)
{
#ifdef LOGATTN_LEVEL_COUNT
    uint32_t i;
    if (count != LOGATTN_LEVEL_COUNT) {
        return LOGATTN_BAD_ARGUMENT;
    }
    for (i = 0; i < count; ++i) {
        if (levels[i] < 1u || levels[i] > LOGATTN_LEVEL_1_VALUE_MASK ||
            (i > 0 && levels[i] < levels[i - 1])) {
            return LOGATTN_BAD_ARGUMENT;
        }
    }
    return write_codes(core, LOGATTN_LEVEL_OFFSET(1u), levels, count, LOGATTN_LEVEL_1_VALUE_MASK);
#else
    (void)core;
    (void)levels;
    (void)count;
    return LOGATTN_ABSENT;
#endif
}

enum logattn_result logattn_set_load_timeout(struct logattn *core, uint32_t cycles)
{
    if (cycles > LOGATTN_LOAD_TIMEOUT_VALUE_MASK) {
        return LOGATTN_BAD_ARGUMENT;
    }
    write_word(core, LOGATTN_LOAD_TIMEOUT_OFFSET, cycles);
    return LOGATTN_OK;
}

bool logattn_busy(const struct logattn *core)
{
    return (read_word(core, LOGATTN_STATUS_OFFSET) & LOGATTN_STATUS_BUSY_MASK) != 0;
}

bool logattn_head_open(const struct logattn *core)
{
    return (read_word(core, LOGATTN_STATUS_OFFSET) & LOGATTN_STATUS_HEAD_OPEN_MASK) != 0;
}

bool logattn_dropping(const struct logattn *core)
{
    return (read_word(core, LOGATTN_STATUS_OFFSET) & LOGATTN_STATUS_DROPPING_MASK) != 0;
}

enum logattn_result logattn_wait_idle(const struct logattn *core, uint32_t polls)
{
    for (; polls > 0; --polls) {
        if (read_word(core, LOGATTN_STATUS_OFFSET) == 0) {
            return LOGATTN_OK;
        }
    }
    return LOGATTN_TIMEOUT;
}

uint32_t logattn_errors(const struct logattn *core)
{
    return read_word(core, LOGATTN_ERRORS_OFFSET);
}

void logattn_clear_errors(struct logattn *core, uint32_t mask)
{
    write_word(core, LOGATTN_ERRORS_OFFSET, mask);
}

const char *logattn_error_name(uint32_t bit)
{
    static const struct {
        uint32_t mask;
        const char *name;
    } names[] = {
#ifdef LOGATTN_ERRORS_ROW_SHORT_MASK
        {LOGATTN_ERRORS_ROW_SHORT_MASK, "row_short"},
#endif
        {LOGATTN_ERRORS_ROW_LONG_MASK, "row_long"},
        {LOGATTN_ERRORS_VALUE_SHORT_MASK, "value_short"},
        {LOGATTN_ERRORS_VALUE_LONG_MASK, "value_long"},
#ifdef LOGATTN_ERRORS_KEY_SHORT_MASK
        {LOGATTN_ERRORS_KEY_SHORT_MASK, "key_short"},
        {LOGATTN_ERRORS_KEY_LONG_MASK, "key_long"},
#endif
        {LOGATTN_ERRORS_BAD_LENGTH_MASK, "bad_length"},
#ifdef LOGATTN_ERRORS_SCORE_OVERFLOW_MASK
        {LOGATTN_ERRORS_SCORE_OVERFLOW_MASK, "score_overflow"},
#endif
        {LOGATTN_ERRORS_WRITE_LOCKED_MASK, "write_locked"},
        {LOGATTN_ERRORS_LOAD_TIMEOUT_MASK, "load_timeout"},
    };
    size_t i;
    for (i = 0; i < sizeof names / sizeof names[0]; ++i) {
        if (bit < 32u && names[i].mask == (uint32_t)1 << bit) {
            return names[i].name;
        }
    }
    return NULL;
}

void logattn_enable_interrupts(struct logattn *core, uint32_t mask)
{
    write_word(core, LOGATTN_IRQ_ENABLE_OFFSET, mask);
}

struct logattn_counters logattn_counters(const struct logattn *core)
{
    struct logattn_counters found;
    found.cycles = read_word(core, LOGATTN_COUNT_CYCLES_OFFSET);
    found.rows = read_word(core, LOGATTN_COUNT_ROWS_OFFSET);
    found.keys = read_word(core, LOGATTN_COUNT_KEYS_OFFSET);
    found.survivors = read_word(core, LOGATTN_COUNT_SURVIVORS_OFFSET);
    found.value_reads = read_word(core, LOGATTN_COUNT_VALUE_READS_OFFSET);
    found.stall_input = read_word(core, LOGATTN_COUNT_STALL_INPUT_OFFSET);
    found.stall_value = read_word(core, LOGATTN_COUNT_STALL_VALUE_OFFSET);
    found.stall_output = read_word(core, LOGATTN_COUNT_STALL_OUTPUT_OFFSET);
    return found;
}

const char *logattn_result_name(enum logattn_result result)
{
    switch (result) {
    case LOGATTN_OK: return "ok";
    case LOGATTN_NO_CORE: return "no core";
    case LOGATTN_OTHER_CONFIGURATION: return "other configuration";
    case LOGATTN_BAD_ARGUMENT: return "bad argument";
    case LOGATTN_LOCKED: return "locked";
    case LOGATTN_TIMEOUT: return "timeout";
    case LOGATTN_ABSENT: return "absent";
    }
    return "unknown";
}

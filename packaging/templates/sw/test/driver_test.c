/* SPDX-License-Identifier: Apache-2.0
 * The C driver on the Verilated core: sets every register, plays the golden vectors, provokes and
 * clears errors. Exit status 0: everything was as it should be. */
#include "../logattn.h"
#include "model.h"
#include "vectors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A beat's bytes at most, and characters of a line: a digit, two a byte, line end. */
#define BYTES 1024
#define LINE (2 * BYTES + 4)
/* More than any head here takes. */
#define CYCLES 1000000
#define POLLS 100000

static int failures = 0;

#define CHECK(condition)                                                       \
    do {                                                                       \
        if (!(condition)) {                                                    \
            printf("%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);     \
            ++failures;                                                        \
        }                                                                      \
    } while (0)

static uint32_t bus_read(void *context, uint32_t offset)
{
    return model_read((struct model *)context, offset);
}

static void bus_write(void *context, uint32_t offset, uint32_t value)
{
    model_write((struct model *)context, offset, value);
}

/* What a setting writes into the register at `offset`; 0 where it writes nothing. */
static uint32_t value_of(const struct vector_setting *setting, uint32_t offset)
{
    const struct vector_write *write;
    for (write = setting->writes; write->offset != 0; ++write) {
        if (write->offset == offset) {
            return write->value;
        }
    }
    return 0;
}

#ifdef LOGATTN_THRESHOLD_COUNT
/* Range of a threshold. */
#ifdef LOGATTN_CAPABILITY_SCORES_OFFSET
#define THRESHOLD_LOW (2 - (int32_t)(1u << LOGATTN_CAPABILITY_SCORES_DISTANCE_BITS_AT_RESET))
#define THRESHOLD_HIGH 0
#else
#define THRESHOLD_LOW 1
#define THRESHOLD_HIGH ((int32_t)LOGATTN_THRESHOLD_1_VALUE_MASK)
#endif

/* Sets the first threshold, and the others to another value. */
static enum logattn_result set_two(struct logattn *core, int32_t first, int32_t others)
{
    int32_t thresholds[LOGATTN_THRESHOLD_COUNT];
    uint32_t i;
    for (i = 0; i < LOGATTN_THRESHOLD_COUNT; ++i) {
        thresholds[i] = i == 0 ? first : others;
    }
    return logattn_set_thresholds(core, thresholds, LOGATTN_THRESHOLD_COUNT);
}

/* Both ends of the range are taken; nothing beyond them, and no sequence that decreases. */
static void refuse_thresholds(struct logattn *core)
{
    CHECK(set_two(core, THRESHOLD_LOW, THRESHOLD_HIGH) == LOGATTN_OK);
    CHECK(set_two(core, THRESHOLD_LOW - 1, THRESHOLD_HIGH) == LOGATTN_BAD_ARGUMENT);
    CHECK(set_two(core, THRESHOLD_LOW, THRESHOLD_HIGH + 1) == LOGATTN_BAD_ARGUMENT);
    CHECK(set_two(core, THRESHOLD_HIGH, THRESHOLD_HIGH - 1) == LOGATTN_BAD_ARGUMENT);
    CHECK(bus_read(core->bus.context, LOGATTN_THRESHOLD_OFFSET(1u)) ==
          ((uint32_t)THRESHOLD_LOW & LOGATTN_THRESHOLD_1_VALUE_MASK));
}

static void program_thresholds(struct logattn *core, const struct vector_setting *setting)
{
    int32_t thresholds[LOGATTN_THRESHOLD_COUNT];
    uint32_t i;
    for (i = 0; i < LOGATTN_THRESHOLD_COUNT; ++i) {
        const uint32_t word = value_of(setting, LOGATTN_THRESHOLD_OFFSET(i + 1u));
        thresholds[i] = (int32_t)word;
        /* Two's complement. */
#ifdef LOGATTN_CAPABILITY_SCORES_OFFSET
        if (word > LOGATTN_THRESHOLD_1_VALUE_MASK / 2u) { /* negative */
            thresholds[i] -= (int32_t)LOGATTN_THRESHOLD_1_VALUE_MASK + 1;
        }
#endif
    }
    refuse_thresholds(core);
    CHECK(logattn_set_thresholds(core, thresholds, LOGATTN_THRESHOLD_COUNT) == LOGATTN_OK);
    CHECK(logattn_set_thresholds(core, thresholds, LOGATTN_THRESHOLD_COUNT - 1u) ==
          LOGATTN_BAD_ARGUMENT);
}
#endif

#ifdef LOGATTN_SHIFT_COUNT
static void program_shifts(struct logattn *core, const struct vector_setting *setting)
{
    uint32_t shifts[LOGATTN_SHIFT_COUNT];
    uint32_t i;
    for (i = 0; i < LOGATTN_SHIFT_COUNT; ++i) {
        shifts[i] = value_of(setting, LOGATTN_SHIFT_OFFSET(i + 1u));
    }
    CHECK(logattn_set_shifts(core, shifts, LOGATTN_SHIFT_COUNT) == LOGATTN_OK);
    shifts[0] = 100;
    CHECK(logattn_set_shifts(core, shifts, LOGATTN_SHIFT_COUNT) == LOGATTN_BAD_ARGUMENT);
}
#endif

#ifdef LOGATTN_LEVEL_COUNT
static void program_levels(struct logattn *core, const struct vector_setting *setting)
{
    uint32_t levels[LOGATTN_LEVEL_COUNT];
    uint32_t i;
    for (i = 0; i < LOGATTN_LEVEL_COUNT; ++i) {
        levels[i] = value_of(setting, LOGATTN_LEVEL_OFFSET(i + 1u));
    }
    CHECK(logattn_set_levels(core, levels, LOGATTN_LEVEL_COUNT) == LOGATTN_OK);
    levels[0] = 0;
    CHECK(logattn_set_levels(core, levels, LOGATTN_LEVEL_COUNT) == LOGATTN_BAD_ARGUMENT);
}
#endif

/* Every register of a setting, through the driver; then what the setting says of each. */
static void program(struct logattn *core, const struct vector_setting *setting)
{
    const struct vector_write *write;
    CHECK(logattn_set_head(core, value_of(setting, LOGATTN_HEAD_KEYS_OFFSET),
                           value_of(setting, LOGATTN_HEAD_BLOCKS_OFFSET)) == LOGATTN_OK);
    CHECK(logattn_set_row_length(core, value_of(setting, LOGATTN_ROW_LENGTH_OFFSET)) == LOGATTN_OK);
#ifdef LOGATTN_MASK_OFFSET
    CHECK(logattn_set_causal(core, value_of(setting, LOGATTN_MASK_OFFSET) != 0) == LOGATTN_OK);
#endif
#ifdef LOGATTN_SCORE_SHIFT_OFFSET
    CHECK(logattn_set_score_shift(core, value_of(setting, LOGATTN_SCORE_SHIFT_OFFSET)) == LOGATTN_OK);
#else
    CHECK(logattn_set_score_shift(core, 1) == LOGATTN_ABSENT);
#endif
#ifdef LOGATTN_THRESHOLD_COUNT
    program_thresholds(core, setting);
#endif
#ifdef LOGATTN_SHIFT_COUNT
    program_shifts(core, setting);
#else
    CHECK(logattn_set_shifts(core, NULL, 0) == LOGATTN_ABSENT);
#endif
#ifdef LOGATTN_LEVEL_COUNT
    program_levels(core, setting);
#else
    CHECK(logattn_set_levels(core, NULL, 0) == LOGATTN_ABSENT);
#endif
    for (write = setting->writes; write->offset != 0; ++write) {
        CHECK(bus_read(core->bus.context, write->offset) == write->value);
    }
}

/* A line of a vector file: TLAST, then bytes, the highest first. */
static int beat_of(const char *line, uint32_t bytes, uint8_t *data)
{
    uint32_t i;
    for (i = 0; i < bytes; ++i) {
        unsigned value = 0;
        if (sscanf(line + 1 + 2 * (bytes - 1 - i), "%2x", &value) != 1) {
            printf("not a beat: %s\n", line);
            exit(1);
        }
        data[i] = (uint8_t)value;
    }
    return line[0] == '1';
}

static FILE *open_vectors(const char *name)
{
    FILE *file = fopen(name, "r");
    if (file == NULL) {
        perror(name);
        exit(1);
    }
    return file;
}

/* Queues the beats of an input stream, at most `most` of them. */
static void send(struct model *model, const struct vector_stream *stream, uint32_t most)
{
    char line[LINE];
    uint8_t data[BYTES];
    FILE *file = open_vectors(stream->file);
    while (most-- > 0 && fgets(line, sizeof line, file) != NULL) {
        const int last = beat_of(line, stream->bytes, data);
        CHECK(model_send(model, stream->name, data, last) == 0);
    }
    fclose(file);
}

/* Compares everything that comes out with the vectors. */
static void receive(struct model *model, const struct vector_stream *stream)
{
    char line[LINE];
    uint8_t expected[BYTES], found[BYTES];
    uint32_t beats = 0, wrong = 0;
    FILE *file = open_vectors(stream->file);
    while (fgets(line, sizeof line, file) != NULL) {
        const int expected_last = beat_of(line, stream->bytes, expected);
        int last = 0;
        uint32_t waited = 0;
        while (model_receive(model, found, &last) != 0) {
            model_clock(model, 1);
            if (++waited > CYCLES) {
                printf("no beat %u of %s\n", (unsigned)beats, stream->file);
                exit(1);
            }
        }
        wrong += last != expected_last || memcmp(found, expected, stream->bytes) != 0;
        ++beats;
    }
    fclose(file);
    if (wrong != 0) {
        printf("%s: %u of %u beats are wrong\n", stream->file, (unsigned)wrong, (unsigned)beats);
        ++failures;
    }
}

static const struct vector_stream *stream_of(const struct vector_setting *setting, const char *name)
{
    const struct vector_stream *stream = setting->streams;
    while (stream->name != NULL && strcmp(stream->name, name) != 0) {
        ++stream;
    }
    return stream;
}

/* Plays the heads of a setting, and looks at everything that the driver tells of them. */
static void play(struct logattn *core, struct model *model, const struct vector_setting *setting)
{
    const struct vector_stream *stream;
    struct logattn_counters counters;
    CHECK(logattn_reset(core, false, POLLS) == LOGATTN_OK);
    program(core, setting);
    for (stream = setting->streams; stream->name != NULL; ++stream) {
        if (strcmp(stream->name, "m_axis_out") != 0) {
            send(model, stream, UINT32_MAX);
        }
    }
    receive(model, stream_of(setting, "m_axis_out"));
    CHECK(logattn_wait_idle(core, POLLS) == LOGATTN_OK);
    CHECK(model_queued(model) == 0);
    CHECK(logattn_errors(core) == 0);
    counters = logattn_counters(core);
    CHECK(counters.rows == setting->rows);
    CHECK(counters.keys == setting->keys);
    CHECK(counters.survivors == setting->survivors);
    CHECK(counters.value_reads == setting->value_reads);
    printf("%s: %u rows in %u cycles\n", setting->name, (unsigned)counters.rows,
           (unsigned)counters.cycles);
}

/* Begins a packet of values, of whose beats one is taken. */
static void begin_values(struct logattn *core, struct model *model)
{
    const struct vector_setting *setting = &vector_settings[0];
    CHECK(logattn_reset(core, false, POLLS) == LOGATTN_OK);
    program(core, setting);
    send(model, stream_of(setting, "s_axis_value"), 1);
    while (model_queued(model) != 0) {
        model_clock(model, 1);
    }
    model_clock(model, 10);
    CHECK(logattn_head_open(core));
    CHECK(logattn_wait_idle(core, 3) == LOGATTN_TIMEOUT);
}

/* A head that is open locks registers, and the refused write is told. */
static void refuse_locked(struct logattn *core, struct model *model)
{
    const struct vector_setting *setting = &vector_settings[0];
    const uint32_t keys = value_of(setting, LOGATTN_HEAD_KEYS_OFFSET);
    const uint32_t blocks = value_of(setting, LOGATTN_HEAD_BLOCKS_OFFSET);
    begin_values(core, model);
    /* Values that are there already are no change. */
    CHECK(logattn_set_head(core, keys, blocks) == LOGATTN_OK);
    CHECK(logattn_errors(core) == 0);
    CHECK(logattn_set_head(core, keys - 1u, 1) == LOGATTN_LOCKED);
    CHECK(bus_read(core->bus.context, LOGATTN_HEAD_KEYS_OFFSET) == keys);
    CHECK(logattn_errors(core) == LOGATTN_ERRORS_WRITE_LOCKED_MASK);
    logattn_clear_errors(core, LOGATTN_ERRORS_WRITE_LOCKED_MASK);
    CHECK(logattn_errors(core) == 0);
}

/* A reset waits for the end of a packet that was begun, which is dropped, and no error. */
static void reset_in_packet(struct logattn *core, struct model *model)
{
    const uint8_t data[BYTES] = {0};
    CHECK(logattn_reset(core, false, 3) == LOGATTN_TIMEOUT);
    CHECK(!logattn_head_open(core));
    CHECK(logattn_dropping(core));
    CHECK(bus_read(core->bus.context, LOGATTN_CONTROL_OFFSET) ==
          (LOGATTN_CONTROL_ENABLE_MASK | LOGATTN_CONTROL_RESET_MASK));
    CHECK(model_send(model, "s_axis_value", data, 1) == 0);
    model_clock(model, 10);
    CHECK(model_queued(model) == 0);
    CHECK(logattn_reset(core, false, 3) == LOGATTN_OK);
    CHECK(bus_read(core->bus.context, LOGATTN_CONTROL_OFFSET) == LOGATTN_CONTROL_ENABLE_MASK);
    CHECK(logattn_errors(core) == 0);
}

/* Senders and receiver are reset together with the core: in a packet, and while rows come out. What
 * comes next is right. */
static void reset_with_senders(struct logattn *core, struct model *model)
{
    const struct vector_setting *setting = &vector_settings[0];
    const struct vector_stream *stream;
    uint8_t data[BYTES];
    int last = 0;
    begin_values(core, model);
    CHECK(logattn_reset(core, true, 3) == LOGATTN_OK);
    CHECK(!logattn_dropping(core));
    play(core, model, setting);

    for (stream = setting->streams; stream->name != NULL; ++stream) {
        if (strcmp(stream->name, "m_axis_out") != 0) {
            send(model, stream, UINT32_MAX);
        }
    }
    while (model_receive(model, data, &last) != 0) {
        model_clock(model, 1);
    }
    model_drop(model);
    CHECK(logattn_reset(core, true, 3) == LOGATTN_OK);
    model_drop(model);
    play(core, model, setting);
}

/* A packet of values that ends early: error, interrupt, and both gone when cleared. */
static void provoke(struct logattn *core, struct model *model)
{
    uint8_t data[BYTES] = {0};
    logattn_enable_interrupts(core, LOGATTN_ERRORS_VALUE_SHORT_MASK);
    CHECK(!model_interrupt(model));
    CHECK(model_send(model, "s_axis_value", data, 1) == 0);
    model_clock(model, 100);
    CHECK(logattn_errors(core) == LOGATTN_ERRORS_VALUE_SHORT_MASK);
    CHECK(strcmp(logattn_error_name(LOGATTN_ERRORS_VALUE_SHORT_SHIFT), "value_short") == 0);
    CHECK(model_interrupt(model));
    logattn_clear_errors(core, LOGATTN_ERRORS_ROW_LONG_MASK);
    CHECK(logattn_errors(core) == LOGATTN_ERRORS_VALUE_SHORT_MASK);
    logattn_clear_errors(core, LOGATTN_ERRORS_VALUE_SHORT_MASK);
    CHECK(logattn_errors(core) == 0);
    model_clock(model, 2);
    CHECK(!model_interrupt(model));
}

static void check_probe(struct model *model, struct logattn *core)
{
    uint32_t memory[128] = {0};
    struct logattn_bus bus = {bus_read, bus_write, NULL};
    struct logattn_capabilities found;
    bus.context = model;
    CHECK(logattn_probe(core, logattn_memory(memory)) == LOGATTN_NO_CORE);
    memory[LOGATTN_ID_OFFSET / 4] = LOGATTN_ID_AT_RESET;
    CHECK(logattn_probe(core, logattn_memory(memory)) == LOGATTN_OTHER_CONFIGURATION);
    CHECK(logattn_probe(core, bus) == LOGATTN_OK);
    found = logattn_capabilities(core);
    CHECK(found.version == LOGATTN_VERSION_AT_RESET);
    CHECK(found.head_dimension == LOGATTN_CAPABILITY_SHAPE_HEAD_DIMENSION_AT_RESET);
    CHECK(found.max_keys == LOGATTN_CAPABILITY_SHAPE_MAX_KEYS_AT_RESET);
    CHECK(found.keys_per_beat == LOGATTN_CAPABILITY_PARALLEL_KEYS_PER_BEAT_AT_RESET);
    CHECK(found.lanes == LOGATTN_CAPABILITY_PARALLEL_LANES_AT_RESET);
    CHECK(found.query_block == LOGATTN_CAPABILITY_PARALLEL_QUERY_BLOCK_AT_RESET);
    CHECK(found.output_lanes == LOGATTN_CAPABILITY_PARALLEL_OUTPUT_LANES_AT_RESET);
    CHECK(found.input == LOGATTN_CAPABILITY_MODES_INPUT_AT_RESET);
    CHECK(found.normalize == LOGATTN_CAPABILITY_MODES_NORMALIZE_AT_RESET);
}

static void check_arguments(struct logattn *core)
{
    const uint32_t most = logattn_capabilities(core).max_keys;
    CHECK(logattn_set_head(core, 0, 1) == LOGATTN_BAD_ARGUMENT);
    CHECK(logattn_set_head(core, most + 1u, 1) == LOGATTN_BAD_ARGUMENT);
    CHECK(logattn_set_head(core, 1, 0) == LOGATTN_BAD_ARGUMENT);
    CHECK(logattn_set_row_length(core, most + 1u) == LOGATTN_BAD_ARGUMENT);
    CHECK(logattn_set_load_timeout(core, UINT32_MAX) == LOGATTN_BAD_ARGUMENT);
    CHECK(logattn_set_load_timeout(core, 5000) == LOGATTN_OK);
    CHECK(logattn_error_name(31) == NULL);
    CHECK(logattn_error_name(32) == NULL);
}

int main(void)
{
    int stalls;
    for (stalls = 0; stalls < 2; ++stalls) {
        struct model *model = model_new(stalls);
        const struct vector_setting *setting;
        struct logattn core;
        check_probe(model, &core);
        check_arguments(&core);
        CHECK(logattn_enable(&core, true) == LOGATTN_OK);
        for (setting = vector_settings; setting->name != NULL; ++setting) {
            play(&core, model, setting);
        }
        refuse_locked(&core, model);
        reset_in_packet(&core, model);
        reset_with_senders(&core, model);
        provoke(&core, model);
        play(&core, model, &vector_settings[0]);
        CHECK(!logattn_busy(&core));
        CHECK(model_slave_errors(model) == 0);
        (void)bus_read(model, 0x1fc);
        CHECK(model_slave_errors(model) == 1);
        model_delete(model);
    }
    printf(failures == 0 ? "C driver: all checks passed\n" : "C driver: %d checks failed\n", failures);
    return failures != 0;
}

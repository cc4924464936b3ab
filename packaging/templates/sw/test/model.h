/* SPDX-License-Identifier: Apache-2.0
 * The Verilated core as a library: registers by AXI4-Lite, streams as queues of beats. For tests in
 * C and, through ctypes, in Python. */
#ifndef MODEL_H
#define MODEL_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct model;

/* A core after reset. With `stalls`, every stream waits in every second cycle, at random. */
struct model *model_new(int stalls);
void model_delete(struct model *model);

/* Registers: bytes offsets; each call takes as many clock cycles as the transaction. */
uint32_t model_read(struct model *model, uint32_t offset);
void model_write(struct model *model, uint32_t offset, uint32_t value);

/* Transactions so far that were answered with SLVERR. */
uint32_t model_slave_errors(const struct model *model);

/* Lets clock cycles pass. */
void model_clock(struct model *model, uint32_t cycles);

/* Queues a beat on the stream of that name, as in "s_axis_value": byte 0 is the lowest of tdata.
 * Gives 0, or -1 if there is no such stream. */
int model_send(struct model *model, const char *stream, const uint8_t *data, int last);

/* Beats that are queued and not taken yet. */
uint32_t model_queued(const struct model *model);

/* Resets senders and receiver: drops what is queued, and what came out and was not taken. */
void model_drop(struct model *model);

/* Takes a beat that came out: its bytes and TLAST; gives 0, or -1 if there is none. */
int model_receive(struct model *model, uint8_t *data, int *last);

/* The interrupt output. */
int model_interrupt(const struct model *model);

#ifdef __cplusplus
}
#endif

#endif /* MODEL_H */

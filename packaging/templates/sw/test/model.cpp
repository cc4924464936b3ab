// {{ comment }}
// See model.h.
#include "model.h"

#include "V{{ top }}.h"
#include "verilated.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <functional>
#include <random>
#include <string>
#include <vector>

double sc_time_stamp() { return 0; }

namespace {

// No transaction takes longer.
constexpr int kWatchdog = 1000;

struct Beat {
    std::vector<uint8_t> data;
    bool last;
};

// Bytes to and from a port, whatever type the model gave it.
template <typename Port> void put(Port &port, const std::vector<uint8_t> &bytes) {
    uint64_t value = 0;
    for (size_t i = bytes.size(); i > 0; --i) value = value << 8 | bytes[i - 1];
    port = static_cast<Port>(value);
}

template <std::size_t Words> void put(VlWide<Words> &port, const std::vector<uint8_t> &bytes) {
    for (size_t i = 0; i < Words; ++i) port[i] = 0;
    for (size_t i = 0; i < bytes.size(); ++i) {
        port[i / 4] |= static_cast<uint32_t>(bytes[i]) << (8 * (i % 4));
    }
}

template <typename Port> std::vector<uint8_t> get(const Port &port, size_t count) {
    std::vector<uint8_t> bytes(count);
    for (size_t i = 0; i < count; ++i) bytes[i] = static_cast<uint8_t>(static_cast<uint64_t>(port) >> (8 * i));
    return bytes;
}

template <std::size_t Words> std::vector<uint8_t> get(const VlWide<Words> &port, size_t count) {
    std::vector<uint8_t> bytes(count);
    for (size_t i = 0; i < count; ++i) bytes[i] = static_cast<uint8_t>(port[i / 4] >> (8 * (i % 4)));
    return bytes;
}

using Core = V{{ top }};

// An input stream: its ports, and what is to be sent.
struct Sender {
    std::string name;
    size_t bytes;
    std::function<void(const Beat *)> drive; // null: not valid
    std::function<bool()> ready;
    std::deque<Beat> queue;
    bool valid = false;
};

} // namespace

struct model {
    VerilatedContext context;
    Core core{&context};
    std::vector<Sender> senders;
    std::deque<Beat> received;
    std::mt19937 random{1};
    bool stalls;
    uint32_t slave_errors = 0;

    explicit model(bool stalls) : stalls(stalls) {
{%- for stream in inputs %}
        senders.push_back(Sender{"{{ stream.name }}", {{ stream.bits // 8 }},
            [this](const Beat *beat) {
                core.{{ stream.name }}_tvalid = beat != nullptr;
                if (beat == nullptr) return;
                put(core.{{ stream.name }}_tdata, beat->data);
                core.{{ stream.name }}_tlast = beat->last;
            },
            [this] { return core.{{ stream.name }}_tready != 0; }, {}});
{%- endfor %}
        core.rst = 1;
        clock();
        clock();
        core.rst = 0;
        clock();
    }

    ~model() { core.final(); }

    bool waits() { return stalls && (random() & 1) != 0; }

    // A clock cycle, its first half seen by `sample`: everything that is taken is taken then.
    void clock(const std::function<void()> &sample = nullptr) {
        for (Sender &sender : senders) {
            // A beat that is shown stays until it is taken.
            sender.valid = !sender.queue.empty() && (sender.valid || !waits());
            sender.drive(sender.valid ? &sender.queue.front() : nullptr);
        }
        core.m_axis_out_tready = !waits();
        core.clk = 0;
        core.eval();
        for (Sender &sender : senders) {
            if (!sender.valid || core.rst || !sender.ready()) continue;
            sender.queue.pop_front();
            sender.valid = false;
        }
        if (core.m_axis_out_tvalid && core.m_axis_out_tready && !core.rst) {
            received.push_back({get(core.m_axis_out_tdata, {{ output.bits // 8 }}), core.m_axis_out_tlast != 0});
        }
        if (sample) sample();
        core.clk = 1;
        core.eval();
    }

    void answered(uint32_t response) { slave_errors += response != 0; }

    [[noreturn]] static void stuck(const char *what, uint32_t offset) {
        std::fprintf(stderr, "no answer to a %s at 0x%03x\n", what, offset);
        std::abort();
    }

    void write(uint32_t offset, uint32_t value) {
        core.s_axil_awaddr = offset;
        core.s_axil_wdata = value;
        core.s_axil_wstrb = 15;
        core.s_axil_awvalid = core.s_axil_wvalid = 1;
        core.s_axil_bready = 1;
        bool address = false, data = false, done = false;
        uint32_t response = 0;
        for (int waited = 0; !done; ++waited) {
            if (waited > kWatchdog) stuck("write", offset);
            clock([&] {
                address |= core.s_axil_awvalid && core.s_axil_awready;
                data |= core.s_axil_wvalid && core.s_axil_wready;
                done = core.s_axil_bvalid;
                response = core.s_axil_bresp;
            });
            core.s_axil_awvalid = !address;
            core.s_axil_wvalid = !data;
        }
        answered(response);
        core.s_axil_bready = 0;
    }

    uint32_t read(uint32_t offset) {
        core.s_axil_araddr = offset;
        core.s_axil_arvalid = 1;
        core.s_axil_rready = 1;
        bool address = false, done = false;
        uint32_t value = 0, response = 0;
        for (int waited = 0; !done; ++waited) {
            if (waited > kWatchdog) stuck("read", offset);
            clock([&] {
                address |= core.s_axil_arvalid && core.s_axil_arready;
                done = core.s_axil_rvalid;
                value = core.s_axil_rdata;
                response = core.s_axil_rresp;
            });
            core.s_axil_arvalid = !address;
        }
        answered(response);
        core.s_axil_rready = 0;
        return value;
    }
};

struct model *model_new(int stalls) { return new model(stalls != 0); }

void model_delete(struct model *model) { delete model; }

uint32_t model_read(struct model *model, uint32_t offset) { return model->read(offset); }

void model_write(struct model *model, uint32_t offset, uint32_t value) { model->write(offset, value); }

uint32_t model_slave_errors(const struct model *model) { return model->slave_errors; }

void model_clock(struct model *model, uint32_t cycles) {
    for (; cycles > 0; --cycles) model->clock();
}

int model_send(struct model *model, const char *stream, const uint8_t *data, int last) {
    for (Sender &sender : model->senders) {
        if (sender.name != stream) continue;
        sender.queue.push_back({std::vector<uint8_t>(data, data + sender.bytes), last != 0});
        return 0;
    }
    return -1;
}

uint32_t model_queued(const struct model *model) {
    size_t beats = 0;
    for (const Sender &sender : model->senders) beats += sender.queue.size();
    return static_cast<uint32_t>(beats);
}

void model_drop(struct model *model) {
    for (Sender &sender : model->senders) sender.queue.clear();
    model->received.clear();
}

int model_receive(struct model *model, uint8_t *data, int *last) {
    if (model->received.empty()) return -1;
    const Beat &beat = model->received.front();
    std::memcpy(data, beat.data.data(), beat.data.size());
    *last = beat.last;
    model->received.pop_front();
    return 0;
}

int model_interrupt(const struct model *model) { return model->core.irq; }

// SPDX-License-Identifier: Apache-2.0
// Plays the same random AXI4-Lite transactions on two register slaves (`registers_pair`, written by
// registers_pair.py) and compares read data, responses and every field that the hardware sees.
// Arguments: transactions, seed.

#include "Vregisters_pair.h"
#include "verilated.h"

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <vector>

namespace {

// Longer than any slave takes, random waits included.
constexpr int kWatchdog = 1000;
// Registers end here; one in five addresses is drawn from the whole 9 bits.
constexpr uint32_t kMapped = 0x120;

struct Write {
    uint32_t address, data, strobe;
};

// Where one slave is within a burst. Indices count transactions: issued, and answered.
struct Progress {
    size_t address = 0, data = 0, response = 0;
    std::vector<uint32_t> answers;
};

class Bench {
  public:
    explicit Bench(uint64_t seed) : random_(seed) {}

    bool run(uint64_t transactions) {
        reset();
        while (done_ < transactions) {
            hardware();
            switch (below(8)) {
            case 0: case 1: case 2: read(1 + below(4)); break;
            case 3: idle(); break;
            case 4: if (below(64) == 0) reset(); break;
            default: write(1 + below(4)); break;
            }
            settle();
            if (failed_) return false;
        }
        return true;
    }

    uint64_t cycles() const { return cycles_; }
    uint64_t errors() const { return errors_; }

  private:
    uint32_t below(uint32_t bound) { return static_cast<uint32_t>(random_() % bound); }

    uint32_t address() {
        return below(5) == 0 ? below(512) : below(kMapped / 4) * 4;
    }

    uint32_t word() {
        const uint32_t one = static_cast<uint32_t>(random_());
        switch (below(4)) {
        case 0: return one & static_cast<uint32_t>(random_()) & static_cast<uint32_t>(random_());
        case 1: return ~0u;
        default: return one;
        }
    }

    void clock() {
        dut_.clk = 0;
        dut_.eval();
        dut_.clk = 1;
        dut_.eval();
        ++cycles_;
    }

    // What the hardware shows is held while transactions run: the slaves need not take equally long.
    void hardware() {
        if (below(2) == 0) dut_.noise = random_();
        if (below(4) == 0) dut_.locked_rows = below(2);
        if (below(4) == 0) dut_.locked_head = below(2);
        dut_.set = below(4) == 0 ? word() & word() : 0;
        // What sets an error has done so before the first read of it, however fast the slave is.
        clock();
    }

    void reset() {
        dut_.rst = 1;
        for (int i = 0; i < 3; ++i) clock();
        dut_.rst = 0;
        clock();
    }

    void idle() {
        for (uint32_t i = below(4); i > 0; --i) clock();
        ++done_;
    }

    // Hardware outputs agree when nothing is under way.
    void settle() {
        for (int i = 0; i < 4; ++i) clock();
        dut_.set = 0;
        for (int i = 0; i < 2; ++i) clock();
        if (!dut_.fields_equal) fail("fields");
    }

    void fail(const char *what) {
        std::printf("differ in %s after %llu transactions\n", what,
                    static_cast<unsigned long long>(done_));
        dut_.report = 1;
        clock();
        failed_ = true;
    }

    void write(size_t count) {
        std::vector<Write> writes(count);
        for (Write &one : writes) one = {address(), word(), below(2) ? 15u : below(16)};
        Progress a, b;
        for (int waited = 0; a.answers.size() < count || b.answers.size() < count; ++waited) {
            if (waited > kWatchdog) return fail("answering at all (write)");
            write_cycle(writes, a, b);
        }
        dut_.a_awvalid = dut_.a_wvalid = dut_.a_bready = 0;
        dut_.b_awvalid = dut_.b_wvalid = dut_.b_bready = 0;
        compare(a, b, "write responses", 1);
        done_ += count;
        for (const Write &one : writes) last_ = one.address;
    }

    void write_cycle(const std::vector<Write> &writes, Progress &a, Progress &b) {
        // A valid that is up stays up: a wait is drawn only where the one before was taken.
        const auto drive = [&](Progress &p, auto &awaddr, auto &awvalid, auto &wdata, auto &wstrb,
                               auto &wvalid, auto &bready) {
            awvalid = p.address < writes.size() && (awvalid || below(3) != 0);
            wvalid = p.data < writes.size() && (wvalid || below(3) != 0);
            const Write next = writes[p.address < writes.size() ? p.address : 0];
            awaddr = next.address;
            const Write data = writes[p.data < writes.size() ? p.data : 0];
            wdata = data.data;
            wstrb = data.strobe;
            bready = below(3) != 0;
        };
        drive(a, dut_.a_awaddr, dut_.a_awvalid, dut_.a_wdata, dut_.a_wstrb, dut_.a_wvalid, dut_.a_bready);
        drive(b, dut_.b_awaddr, dut_.b_awvalid, dut_.b_wdata, dut_.b_wstrb, dut_.b_wvalid, dut_.b_bready);
        dut_.clk = 0;
        dut_.eval();
        const auto count = [](Progress &p, bool aw, bool w, bool r, uint32_t answer) {
            p.address += aw;
            p.data += w;
            if (r) p.answers.push_back(answer);
            return aw * 1 + w * 2;
        };
        const int taken_a = count(a, dut_.a_awvalid && dut_.a_awready, dut_.a_wvalid && dut_.a_wready,
                                  dut_.a_bvalid && dut_.a_bready, dut_.a_bresp);
        const int taken_b = count(b, dut_.b_awvalid && dut_.b_awready, dut_.b_wvalid && dut_.b_wready,
                                  dut_.b_bvalid && dut_.b_bready, dut_.b_bresp);
        clock();
        if (taken_a & 1) dut_.a_awvalid = 0;
        if (taken_a & 2) dut_.a_wvalid = 0;
        if (taken_b & 1) dut_.b_awvalid = 0;
        if (taken_b & 2) dut_.b_wvalid = 0;
    }

    void read(size_t count) {
        std::vector<uint32_t> addresses(count);
        // What was written last is read back more often than chance would have it.
        for (uint32_t &one : addresses) one = below(3) == 0 ? last_ : address();
        Progress a, b;
        for (int waited = 0; a.answers.size() < 2 * count || b.answers.size() < 2 * count; ++waited) {
            if (waited > kWatchdog) return fail("answering at all (read)");
            read_cycle(addresses, a, b);
        }
        dut_.a_arvalid = dut_.a_rready = dut_.b_arvalid = dut_.b_rready = 0;
        compare(a, b, "read data or responses", 2);
        done_ += count;
    }

    void read_cycle(const std::vector<uint32_t> &addresses, Progress &a, Progress &b) {
        const auto drive = [&](Progress &p, auto &araddr, auto &arvalid, auto &rready) {
            arvalid = p.address < addresses.size() && (arvalid || below(3) != 0);
            araddr = addresses[p.address < addresses.size() ? p.address : 0];
            rready = below(3) != 0;
        };
        drive(a, dut_.a_araddr, dut_.a_arvalid, dut_.a_rready);
        drive(b, dut_.b_araddr, dut_.b_arvalid, dut_.b_rready);
        dut_.clk = 0;
        dut_.eval();
        // The data of a refused read means nothing.
        const auto count = [](Progress &p, bool ar, bool r, uint32_t data, uint32_t response) {
            p.address += ar;
            if (r) {
                p.answers.push_back(response == 0 ? data : 0);
                p.answers.push_back(response);
            }
            return ar;
        };
        const bool taken_a = count(a, dut_.a_arvalid && dut_.a_arready, dut_.a_rvalid && dut_.a_rready,
                                   dut_.a_rdata, dut_.a_rresp);
        const bool taken_b = count(b, dut_.b_arvalid && dut_.b_arready, dut_.b_rvalid && dut_.b_rready,
                                   dut_.b_rdata, dut_.b_rresp);
        clock();
        if (taken_a) dut_.a_arvalid = 0;
        if (taken_b) dut_.b_arvalid = 0;
    }

    void compare(const Progress &a, const Progress &b, const char *what, size_t stride) {
        for (size_t i = 0; i < a.answers.size(); ++i) {
            // A write is answered by a response, a read by data and a response.
            if (i % stride == stride - 1) errors_ += a.answers[i] == 2;
            if (a.answers[i] != b.answers[i]) {
                std::printf("answer %zu: 0x%08x, expected 0x%08x\n", i, a.answers[i], b.answers[i]);
                return fail(what);
            }
        }
    }

    Vregisters_pair dut_;
    std::mt19937_64 random_;
    uint64_t done_ = 0, cycles_ = 0, errors_ = 0;
    uint32_t last_ = 0;
    bool failed_ = false;
};

} // namespace

int main(int argc, char **argv) {
    if (argc != 3) {
        std::fprintf(stderr, "usage: %s TRANSACTIONS SEED\n", argv[0]);
        return 2;
    }
    const uint64_t transactions = std::strtoull(argv[1], nullptr, 0);
    Bench bench(std::strtoull(argv[2], nullptr, 0));
    if (!bench.run(transactions)) return 1;
    std::printf("%llu transactions, %llu cycles, %llu answers with SLVERR: equal\n",
                static_cast<unsigned long long>(transactions),
                static_cast<unsigned long long>(bench.cycles()),
                static_cast<unsigned long long>(bench.errors()));
    return 0;
}

//! scratch
use logattn_hdl::netlist::*;
use std::time::Instant;
fn mac(lanes: u32) -> Module {
    let (vw, frac) = (8u32, 7u32);
    let accw = vw + frac + 8;
    let mut m = Builder::new("mac", "");
    let valid = m.input("in_valid", unsigned(1), "");
    let last = m.input("in_last", unsigned(1), "");
    let code = m.input("in_code", unsigned(3), "");
    let vals = m.input("in_values", unsigned(lanes * vw), "");
    let one = m.constant(1, unsigned(3));
    let k = m.sub(code, one);
    let sh = m.name(k, "shift");
    let z3 = m.zero(unsigned(3));
    let pruned = m.eq(code, z3);
    let pruned = m.name(pruned, "pruned");
    let emit = m.and(valid, last);
    let emit = m.name(emit, "emit");
    let za = m.zero(signed(accw));
    let zf = m.zero(unsigned(frac));
    let mut outs = vec![];
    for i in 0..lanes {
        let v = m.slice(vals, i * vw, vw);
        let s = m.concat(&[v, zf]);
        let s = m.as_signed(s);
        let s = m.name(s, format!("lane{i}_s"));
        let t = m.shr(s, sh);
        let t = m.name(t, format!("lane{i}_t"));
        let te = m.extend(t, accw);
        let term = m.mux(pruned, za, te);
        let acc = m.register_reset(format!("lane{i}_acc"), signed(accw), 0);
        let sum = m.add(acc, term);
        let sum = m.name(sum, format!("lane{i}_sum"));
        let nx = m.mux(last, za, sum);
        m.update_if(acc, valid, nx);
        let o = m.register(format!("lane{i}_out"), signed(accw));
        m.update_if(o, emit, sum);
        outs.push(o);
    }
    let bus = m.concat(&outs);
    m.output("out", bus, "");
    m.finish().unwrap()
}
#[test]
fn speed() {
    for lanes in [4, 16, 64] {
        let mut e = Evaluator::new(&mac(lanes)).unwrap();
        let [v, l, c, x] =
            ["in_valid", "in_last", "in_code", "in_values"].map(|n| e.port(n).unwrap());
        let mut w = vec![0x123456789abcdefu64; (lanes as usize * 8).div_ceil(64)];
        e.set_at(v, 1);
        let t = Instant::now();
        let n = 200_000u64;
        for i in 0..n {
            w[0] = w[0].wrapping_mul(6364136223846793005).wrapping_add(1);
            e.set_at(l, (i % 8 == 7) as u64);
            e.set_at(c, i % 8);
            e.set_words_at(x, &w);
            e.clock();
        }
        println!(
            "{lanes} lanes: {:.0} cycles/s",
            n as f64 / t.elapsed().as_secs_f64()
        );
    }
}

//! x
use logattn_golden::*;
use ndarray::*;
use std::time::Instant;
fn best(name:&str, mut f: impl FnMut()){if let Some(w)=std::env::args().nth(1){if w!=name{return}}let mut b=f64::MAX;for _ in 0..100{let t=Instant::now();f();b=b.min(t.elapsed().as_secs_f64());}println!("{name} {:.3} ms",b*1e3);}
fn main(){
  let c=Configuration::named("edge").unwrap();
  let mut seed=1u64;
  let mut r=||{seed=seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);(seed>>33) as u32};
  let p=Array3::from_shape_simple_fn((72,256,256),||{ if r()%100<15 {305+ (r()%2000) as u16} else {(r()%60) as u16}});
  let v=Array3::from_shape_simple_fn((72,256,32),||r() as i8);
  let l=vec![256;256];
  let mut c2=c.clone(); c2.normalize=Normalize::None; c2.output_bits=None;
  let t=c.int8_twin();
  best("heads",||{attend_heads(&c,p.view(),&l,v.view()).unwrap();});
  best("heads none",||{attend_heads(&c2,p.view(),&l,v.view()).unwrap();});
  let fl=p.mapv(|x| x as f32/65536.0);best("convert",||{probabilities_to_fixed::<_,u16,_>(&fl.view(),16).unwrap();});best("twin",||{attend_heads(&t,p.view(),&l,v.view()).unwrap();});
  let b=Configuration::named("paper").unwrap();
  best("bucket",||{attend_heads(&b,p.view(),&l,v.view()).unwrap();});
  best("codes 1 thread",||{for h in 0..72{codes(&c,p.index_axis(Axis(0),h),&l).unwrap();}});
}

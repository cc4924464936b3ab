//! Specifications that are none.

use logattn_accuracy::{ModelShape, Specification};

const SHAPE: ModelShape = ModelShape {
    layers: 2,
    heads: 4,
    kv_heads: 2,
    head_dimension: 12,
};

fn error(text: &str) -> String {
    let prepared =
        Specification::parse(text).and_then(|specification| specification.prepare(&SHAPE));
    prepared.unwrap_err().to_string()
}

#[test]
fn what_is_legal_is_read() {
    for text in [
        "float",
        " int8 ",
        "prune:0.001",
        "prune:1e-3,renormalize",
        "prune:2^-8",
        "prune:1",
        "paper",
        "paper:bits=4,renormalize",
        "log-nearest,bits=16",
        "linear-middle:clamp",
        "log-middle:renormalize,clamp,bits=2",
        "quantile-linear-pruned",
        "quantile-log-pruned-mean:bits=5",
        "quantile-log-mean:bits=2",
        "binarization:renormalize",
        "golden:edge",
        "golden:edge,input=qkv",
        "golden:nano,normalize=reciprocal",
        "golden:base,exp2=table,lowest=8.5,max_keys=1024",
        "golden:edge,input=scores,normalize=complement,query_block=1",
        "golden:edge,shifts=6/5/4/3/2/1/0,lowest=7.5",
        "golden:base,score_thresholds=-136/-104/-88/-72/-56/-40/-24",
        "golden:paper,input=scores",
    ] {
        let specification = Specification::parse(text).unwrap();
        let prepared = specification.prepare(&SHAPE).unwrap();
        assert_eq!(prepared.name(), text.trim());
        assert_eq!(prepared.shape(), &SHAPE);
    }
}

#[test]
fn unknown_attentions_list_the_known() {
    let message = error("flaot");
    assert!(message.starts_with("attention `flaot`: attention is `flaot`; legal: float, int8,"));
    for known in [
        "prune:THRESHOLD",
        "golden:CONFIGURATION",
        "paper",
        "log-pruned-middle",
        "binarization",
    ] {
        assert!(message.contains(known), "{message}");
    }
    assert!(error("").contains("attention is ``"));
    assert!(error("float:3").contains("argument is `3`; legal: none"));
    assert!(error("int8,renormalize").contains("option is `renormalize`; legal: none"));
}

#[test]
fn thresholds_are_probabilities() {
    for text in [
        "prune",
        "prune:",
        "prune:0",
        "prune:1.5",
        "prune:-1",
        "prune:nan",
        "prune:2^",
        "prune:2^1",
    ] {
        let message = error(text);
        assert!(message.contains("threshold is `"), "{message}");
        assert!(message.contains("above 0, at most 1"), "{message}");
    }
    assert!(error("prune:0.1,clamp").contains("option is `clamp`; legal: renormalize"));
    assert!(error("prune:0.1,renormalize,renormalize").contains("legal: `renormalize` once"));
}

#[test]
fn quantizers_have_2_to_16_bits() {
    for bits in ["1", "17", "3.5", "x"] {
        let message = error(&format!("paper:bits={bits}"));
        assert!(
            message.contains(&format!("bits is `{bits}`; legal: 2 to 16")),
            "{message}"
        );
    }
    assert!(error("paper:clamp").contains("legal: bits=K, renormalize"));
    assert!(error("log-middle:bits").contains("legal: bits=K, renormalize, clamp"));
    assert!(error("binarization:bits=3").contains("option is `bits`; legal: renormalize"));
}

#[test]
fn golden_options_are_fields_of_a_configuration() {
    let starts = |text: &str, expected: &str| {
        let message = error(text);
        let expected = format!("attention `{text}`: {expected}");
        assert!(message.starts_with(&expected), "{message}\n{expected}");
    };
    starts("golden", "configuration is ``; legal: nano, edge,");
    starts("golden:egde", "configuration is `egde`; legal: nano, edge,");
    starts(
        "golden:edge,input=logits",
        "input is `logits`; legal: scores, qkv or probabilities",
    );
    starts(
        "golden:edge,lowest=low",
        "lowest is `low`; legal: a number of octaves",
    );
    starts("golden:edge,lowest=3", "thresholds is `");
    starts(
        "golden:paper,lowest=8",
        "lowest is `8`; legal: absent without accumulate = \"shift\" or \"sorted\"",
    );
    starts(
        "golden:edge,lowest=8,thresholds=1/2/3/4/5/6/7",
        "option is `lowest`; legal: either",
    );
    starts(
        "golden:edge,output_bits=17",
        "output_bits is `17`; legal: 8..=16",
    );
    starts(
        "golden:edge,output_bits",
        "option is `output_bits`; legal: `output_bits=` and a value",
    );
    starts(
        "golden:edge,shifts=7/x",
        "shifts is `7/x`; legal: a TOML value",
    );
    starts(
        "golden:edge,head_dimension=64",
        "field is `head_dimension`; legal: any other field",
    );
    starts(
        "golden:edge,normalize=complement",
        "normalize is `\"complement\"`; legal:",
    );
    starts(
        "golden:edge,normalize=all",
        "field is `malformed`; legal: unknown variant `all`",
    );
    starts(
        "golden:edge,levels=1/2",
        "levels is `[1, 2]`; legal: absent without",
    );
    starts(
        "golden:edge,keys=4",
        "field is `malformed`; legal: unknown field `keys`",
    );
    starts(
        "golden:edge_int8,input=scores",
        "accumulate is `\"multiply\"`; legal:",
    );
    starts(
        "golden:edge,max_keys=99999",
        "max_keys is `99999`; legal: 2..=16384",
    );
}

#[test]
fn files_that_are_absent_or_malformed_are_named() {
    let message = error("golden:no/such.toml");
    assert!(
        message.starts_with("no/such.toml: cannot read"),
        "{message}"
    );
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("unit.toml");
    std::fs::write(&file, "name = \"unit\"\n").unwrap();
    let message = error(&format!("golden:{}", file.display()));
    assert!(message.contains("unit.toml: "), "{message}");
    assert!(message.contains("missing field"), "{message}");
}

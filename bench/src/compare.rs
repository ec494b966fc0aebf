//! Many measurements of several programs: medians and ratios, as a table or as JSON.

use serde_json::{Map, Value, json};

/// One thing that is measured.
pub(crate) struct Column {
    /// Its key in JSON, with its unit last.
    pub(crate) key: &'static str,
    /// Its heading.
    pub(crate) heading: &'static str,
    pub(crate) decimals: usize,
}

/// What was measured of one program: for each round the values of all columns, NaN where there is none.
pub(crate) struct Rows {
    pub(crate) name: String,
    pub(crate) rounds: Vec<Vec<f64>>,
}

impl Rows {
    fn median(&self, column: usize) -> f64 {
        let mut values: Vec<f64> = self
            .rounds
            .iter()
            .filter_map(|round| round.get(column))
            .copied()
            .filter(|v| !v.is_nan())
            .collect();
        values.sort_by(f64::total_cmp);
        let middle = values.len() / 2;
        match (values.get(middle.wrapping_sub(1)), values.get(middle)) {
            (Some(low), Some(high)) if values.len().is_multiple_of(2) => f64::midpoint(*low, *high),
            (_, value) => value.copied().unwrap_or(f64::NAN),
        }
    }
}

/// The medians. The first column is compared: each program's against that of `reference`.
pub(crate) fn report(columns: &[Column], all: &[Rows], reference: usize, as_json: bool) -> String {
    let base = all.get(reference).map_or(f64::NAN, |rows| rows.median(0));
    let base_name = all.get(reference).map(|rows| rows.name.as_str()).unwrap_or_default();
    if as_json {
        let servers: Vec<Value> = all.iter().map(|rows| object(columns, rows, base)).collect();
        return json!({ "reference": base_name, "servers": servers }).to_string();
    }
    let mut text = format!("{:16}", "server");
    for (index, column) in columns.iter().enumerate() {
        text += &format!(" {:>16}", column.heading);
        if index == 0 {
            text += &format!(" {:>12}", format!("vs {base_name}"));
        }
    }
    for rows in all {
        text += &format!("\n{:16}", rows.name);
        for (index, column) in columns.iter().enumerate() {
            text += &format!(" {:>16.*}", column.decimals, rows.median(index));
            if index == 0 {
                text += &format!(" {:>12.2}", rows.median(0) / base);
            }
        }
    }
    text
}

fn object(columns: &[Column], rows: &Rows, base: f64) -> Value {
    let mut object = Map::new();
    object.insert("name".into(), json!(rows.name));
    object.insert("ratio".into(), json!(rows.median(0) / base));
    for (index, column) in columns.iter().enumerate() {
        object.insert(column.key.into(), json!(rows.median(index)));
        let values: Vec<f64> = rows.rounds.iter().filter_map(|round| round.get(index)).copied().collect();
        object.insert(format!("{}_rounds", column.key), json!(values));
    }
    Value::Object(object)
}

#[cfg(test)]
mod tests;

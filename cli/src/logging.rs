//! What pogo says about its own steps: `tracing` to standard error.

use std::io;

use tracing_subscriber::filter::{EnvFilter, LevelFilter};

use crate::args::{LogArgs, LogFormat};
use crate::failure::Failure;
use crate::terminal::Style;

/// The variable that holds a filter.
const VARIABLE: &str = "POGO_LOG";

/// Starts the log. The flag holds over the environment; without both, warnings are logged.
///
/// # Errors
/// If the variable holds no filter.
pub(crate) fn start(args: &LogArgs, style: Style) -> Result<(), Failure> {
    let filter = filter(args.verbose, std::env::var(VARIABLE).ok().as_deref())?;
    let log =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).with_ansi(style.color);
    // A log that is there already belongs to a test.
    let _ = match args.log_format {
        LogFormat::Text => log.try_init(),
        LogFormat::Json => log.json().try_init(),
    };
    Ok(())
}

fn filter(verbose: u8, variable: Option<&str>) -> Result<EnvFilter, Failure> {
    let level = match verbose {
        0 => LevelFilter::WARN,
        1 => LevelFilter::INFO,
        2 => LevelFilter::DEBUG,
        _ => LevelFilter::TRACE,
    };
    let builder = EnvFilter::builder().with_default_directive(level.into());
    match variable.filter(|text| verbose == 0 && !text.is_empty()) {
        // How long the database takes is for who asks.
        None => Ok(builder.parse_lossy(if verbose == 0 { "warn,sqlx=error" } else { "" })),
        Some(text) => builder.parse(text).map_err(|error| {
            Failure::with_help(
                format!("{VARIABLE}: {error}"),
                "write a level such as `debug`, or levels of parts such as `pogo_actors=trace,warn`",
            )
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::filter;

    #[test]
    fn the_flag_holds_over_the_environment() {
        let shown = |verbose, variable| filter(verbose, variable).unwrap().to_string();
        for unset in [None, Some("")] {
            let text = shown(0, unset);
            assert!(text.contains("warn") && text.contains("sqlx=error"), "{text}");
        }
        assert_eq!(shown(0, Some("pogo_actors=trace")), "pogo_actors=trace");
        assert_eq!(shown(1, Some("pogo_actors=trace")), "info");
        assert_eq!((shown(2, None), shown(3, None)), ("debug".to_owned(), "trace".to_owned()));
        assert!(filter(0, Some("pogo=loud=x")).is_err());
    }
}

//! `pogo man`: the manual pages.

use std::io::Write as _;

use clap_mangen::Man;

use crate::args::ManArgs;
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::output::Output;

/// Runs the verb.
pub(crate) fn run(args: &ManArgs, mut definition: clap::Command) -> Result<ExitCode, Failure> {
    definition.build();
    let Some(folder) = &args.output else {
        let mut to = Output::stdout();
        to.write_all(&page(definition)?)?;
        to.commit()?;
        return Ok(ExitCode::Success);
    };
    std::fs::create_dir_all(folder).map_err(|error| Failure::file("make", folder.display(), &error))?;
    for verb in definition.get_subcommands() {
        let file = format!("pogo-{}.1", verb.get_name());
        save(&folder.join(file), &page(verb.clone())?)?;
    }
    save(&folder.join("pogo.1"), &page(definition)?)?;
    Ok(ExitCode::Success)
}

fn page(command: clap::Command) -> Result<Vec<u8>, Failure> {
    let mut page = Vec::new();
    Man::new(command).render(&mut page)?;
    Ok(page)
}

fn save(path: &std::path::Path, page: &[u8]) -> Result<(), Failure> {
    let mut to = Output::open(Some(path))?;
    to.write_all(page)?;
    to.commit()
}

//! Output of commands.

use pogo_plan::HostIdx;
use pogo_plan::event::{JobId, Stream};
use pogo_plan::outcome::Attempt;
use pogo_store::{Output, OutputWriter, Reader, Store};

use crate::rig::{Rig, names, plan};

#[test]
fn output_of_several_hosts_and_owners_reads_back_apart() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let job = JobId::from_bits(1);
    let host = |number| HostIdx::from_index(number).unwrap();
    let attempt = Attempt(1);
    for part in ["first ", "second "] {
        let writer = OutputWriter::open(&store, job).unwrap();
        for number in 0..3 {
            writer.write(host(number), attempt, Stream::Stdout, format!("{part}of {number} ").into_bytes());
            writer.write(host(number), attempt, Stream::Stderr, vec![number as u8; 100_000]);
        }
        writer.end(host(0), attempt, Stream::Stdout, 7);
    }
    let reader = Reader::open(&store).unwrap();
    let read = |number, stream| reader.read_output(job, host(number), attempt, stream).unwrap();
    let kept = Output { bytes: b"first of 0 second of 0 ".to_vec(), dropped: 14 };
    assert_eq!(read(0, Stream::Stdout), kept);
    assert_eq!(read(2, Stream::Stderr), Output { bytes: vec![2; 200_000], dropped: 0 });
    assert_eq!(read(5, Stream::Stdout), Output::default());
}

#[test]
fn output_that_no_disk_takes_is_counted_and_the_job_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let job = JobId::from_bits(1);
    let writer = OutputWriter::open(&store, job).unwrap();
    // A folder where the first segment should be: whoever writes tries the next, and reading finds that.
    std::fs::create_dir(folder.path().join(format!("output/{job}/segment-1"))).unwrap();
    writer.write(HostIdx::from_index(0).unwrap(), Attempt(1), Stream::Stdout, b"there".to_vec());
    drop(writer);
    let reader = Reader::open(&store).unwrap();
    let read = reader.read_output(job, HostIdx::from_index(0).unwrap(), Attempt(1), Stream::Stdout).unwrap();
    assert_eq!(read.bytes, b"there");
    Rig::begin(&store, 1, plan(&names(1), 0..1, &[]), None).run();
}

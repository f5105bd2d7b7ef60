//! Whether a folder lies where kernel locks reach everybody who can open it.
//!
//! What a store promises rests on locks and on memory that processes share through the page cache: on one machine both hold on
//! any file system that Linux has, since the kernel keeps them itself. What breaks them is another machine with the same
//! files, so file systems are refused that several machines can have mounted.
//!
//! FUSE is no such file system, but a way to write one, and `statfs` has one number for all. The table of mounts tells them
//! apart by the name after `fuse.` and by what is mounted. Refused are the names that stand for storage elsewhere, and any
//! source that names a machine. Others are allowed: an encrypted or joined folder of this machine, or a disk with a foreign
//! file system, is as good as what is under it, and a name that nobody knows is far more often one of these.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use nix::sys::stat::{major, minor};
use nix::sys::statfs::statfs;

/// File systems of several machines, by the number that `statfs` gives.
const NETWORK: &[(u32, &str)] = &[
    (0x6969, "nfs"),
    (0xff53_4d42, "cifs"),
    (0xfe53_4d42, "smb2"),
    (0x517b, "smb"),
    (0x0102_1997, "9p"),
    (0x5346_414f, "afs"),
    (0x6b41_4653, "afs"),
    (0x00c3_6400, "ceph"),
    (0x0bd0_0bd0, "lustre"),
    (0x0116_1970, "gfs2"),
    (0x7461_636f, "ocfs2"),
    (0x7375_7245, "coda"),
    (0x564c, "ncp"),
    (0xaad7_aaea, "panfs"),
    (0x1983_0326, "beegfs"),
    (0x4750_4653, "gpfs"),
];

const FUSE: u32 = 0x6573_5546;

/// What is mounted through FUSE and lies elsewhere, by the name in the table of mounts.
const REMOTE: &[&str] = &[
    "virtiofs",
    "fuse.blobfuse",
    "fuse.blobfuse2",
    "fuse.ceph",
    "fuse.ceph-fuse",
    "fuse.curlftpfs",
    "fuse.cvmfs2",
    "fuse.davfs",
    "fuse.davfs2",
    "fuse.fuse_dfs",
    "fuse.gcsfuse",
    "fuse.glusterfs",
    "fuse.google-drive-ocamlfuse",
    "fuse.goofys",
    "fuse.gvfsd-fuse",
    "fuse.juicefs",
    "fuse.lizardfs",
    "fuse.mfs",
    "fuse.moosefs",
    "fuse.mount-s3",
    "fuse.orangefs",
    "fuse.quobyte",
    "fuse.rclone",
    "fuse.s3fs",
    "fuse.s3ql",
    "fuse.saunafs",
    "fuse.seaweedfs",
    "fuse.smbnetfs",
    "fuse.sshfs",
    "fuse.weed",
    "fuse.xtreemfs",
];

/// The name of the file system that several machines may have mounted, if the folder lies on one.
pub(crate) fn network(folder: &Path) -> io::Result<Option<&'static str>> {
    let found = statfs(folder)?.filesystem_type().0;
    // How wide the field is depends on the machine.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the numbers have 32 bits")]
    let found = found as u32;
    if found == FUSE {
        let device = fs::metadata(folder)?.dev();
        let mounts = fs::read_to_string("/proc/self/mountinfo")?;
        return Ok(remote_fuse(&mounts, major(device), minor(device)));
    }
    Ok(NETWORK.iter().find(|&&(number, _)| number == found).map(|&(_, kind)| kind))
}

/// What stands in the table of mounts about a device of FUSE, if that is elsewhere. One that is not in the table may be.
fn remote_fuse(mounts: &str, major: u64, minor: u64) -> Option<&'static str> {
    let device = format!("{major}:{minor}");
    // Number, parent, device, root, place, options, some fields more, "-", type, source, options.
    let is_it = |line: &&str| line.split(' ').nth(2) == Some(&device);
    let Some(line) = mounts.lines().find(is_it) else { return Some("fuse") };
    let mut fields = line.split(' ').skip_while(|&field| field != "-").skip(1);
    let (kind, source) = (fields.next().unwrap_or_default(), fields.next().unwrap_or_default());
    if let Some(&kind) = REMOTE.iter().find(|&&name| name == kind) {
        return Some(kind);
    }
    let names_a_machine = source.starts_with("//") || (source.contains(':') && !source.starts_with('/'));
    names_a_machine.then_some("fuse")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_mounted_through_fuse_from_elsewhere_is_told_from_what_is_here() {
        let mounts = "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n\
             40 22 0:40 / /mnt/a rw,nosuid shared:2 master:7 - fuse.sshfs user@host:/srv rw,user_id=0\n\
             41 22 0:41 / /mnt/b rw - fuseblk /dev/sdb1 rw,user_id=0\n\
             42 22 0:42 / /mnt/c rw - fuse.gocryptfs /home/me/secret rw\n\
             43 22 0:43 / /mnt/d rw - fuse.new-thing bucket:folder rw\n\
             44 22 0:44 / /mnt/e rw - fuse.new-thing new-thing rw\n\
             45 22 0:45 / /mnt/f rw - virtiofs host0 rw\n\
             46 22 0:46 / /mnt/g rw - fuse.other //server/share rw\n";
        let found = |minor| remote_fuse(mounts, 0, minor);
        assert_eq!(found(40), Some("fuse.sshfs"));
        assert_eq!(found(41), None, "a disk of this machine");
        assert_eq!(found(42), None, "a folder of this machine");
        assert_eq!(found(43), Some("fuse"), "its source names a machine");
        assert_eq!(found(44), None);
        assert_eq!(found(45), Some("virtiofs"), "the host and other guests may have it too");
        assert_eq!(found(46), Some("fuse"));
        assert_eq!(found(99), Some("fuse"), "nothing is known of it");
    }

    #[test]
    fn a_folder_for_temporary_files_is_no_network() {
        assert_eq!(network(&std::env::temp_dir()).unwrap(), None);
    }
}

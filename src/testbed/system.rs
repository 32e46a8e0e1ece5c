//! System calls that no library offers without `unsafe`: the only unsafe code of the project, a few
//! lines for each call, and nothing in them decides anything.
//!
//! What they do: leave the user namespace and the network namespace that we share with others, make
//! a TUN device and give it its addresses, have a child process die with us, and ask the kernel what
//! it thinks of a TCP connection.

#![expect(unsafe_code, reason = "system calls; each block says why it is sound")]

use std::fs::{File, OpenOptions};
use std::io;
use std::mem::{MaybeUninit, zeroed};
use std::net::Ipv4Addr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;

use libc::{c_int, c_ulong, ifreq, sockaddr, sockaddr_in, socklen_t};
use rustix::process::{Pid, Signal, getpid, getppid, set_parent_process_death_signal};
use rustix::thread::{UnshareFlags, unshare_unsafe};

/// Where TUN devices are made.
pub(super) const TUN: &str = "/dev/net/tun";

/// Leaves the user namespace of our parents; in the new one we have all capabilities. Only a process
/// with one thread may.
///
/// # Errors
/// If the system forbids it.
pub(super) fn leave_user_namespace() -> io::Result<()> {
    // SAFETY: unshare is unsound only for file descriptor tables, which stay shared.
    unsafe { unshare_unsafe(UnshareFlags::NEWUSER) }.map_err(Into::into)
}

/// Gives this thread a network of its own, with nothing in it but a loopback device that is down.
///
/// # Errors
/// If the system forbids it.
pub(super) fn leave_network_namespace() -> io::Result<()> {
    // SAFETY: as above.
    unsafe { unshare_unsafe(UnshareFlags::NEWNET) }.map_err(Into::into)
}

/// Makes a TUN device in this thread's network: what is written to the file arrives there, what is
/// sent there is read from it, one IP packet at a time.
///
/// # Errors
/// If the system forbids it, or the name is taken.
pub(super) fn open_tun(name: &str) -> io::Result<File> {
    let mut options = OpenOptions::new();
    let tun = options.read(true).write(true).custom_flags(libc::O_NONBLOCK).open(TUN)?;
    let mut request = request_for(name);
    request.ifr_ifru.ifru_flags = (libc::IFF_TUN | libc::IFF_NO_PI) as i16;
    ask(tun.as_fd(), libc::TUNSETIFF, &mut request)?;
    Ok(tun)
}

/// Gives a device an address; a name with a colon, `tun0:2`, makes it a further one.
///
/// # Errors
/// If there is no such device, or the system forbids it.
pub(super) fn add_address(
    socket: BorrowedFd<'_>,
    name: &str,
    address: Ipv4Addr,
    mask: Ipv4Addr,
) -> io::Result<()> {
    let mut request = request_for(name);
    request.ifr_ifru.ifru_addr = internet_address(address);
    ask(socket, libc::SIOCSIFADDR, &mut request)?;
    request.ifr_ifru.ifru_netmask = internet_address(mask);
    ask(socket, libc::SIOCSIFNETMASK, &mut request)
}

/// Switches a device on.
///
/// # Errors
/// If there is no such device, or the system forbids it.
pub(super) fn switch_on(socket: BorrowedFd<'_>, name: &str) -> io::Result<()> {
    let mut request = request_for(name);
    request.ifr_ifru.ifru_flags = (libc::IFF_UP | libc::IFF_RUNNING) as i16;
    ask(socket, libc::SIOCSIFFLAGS, &mut request)
}

/// Sets how many packets may wait in a device's own queue.
///
/// # Errors
/// If the system forbids it: it does in a user namespace.
pub(super) fn set_queue(socket: BorrowedFd<'_>, name: &str, packets: u16) -> io::Result<()> {
    let mut request = request_for(name);
    request.ifr_ifru.ifru_metric = c_int::from(packets);
    ask(socket, libc::SIOCSIFTXQLEN, &mut request)
}

/// Has the system kill the process that this command starts when the thread that started it ends,
/// for whatever reason: then nothing stays of us, not even after SIGKILL.
pub(super) fn die_with_us(command: &mut std::process::Command) {
    let parent = getpid();
    let in_child = move || {
        set_parent_process_death_signal(Some(Signal::KILL))?;
        // The parent may have died before it was said.
        let orphaned = getppid() != Some(parent) && parent != Pid::INIT;
        if orphaned { Err(io::ErrorKind::NotFound.into()) } else { Ok(()) }
    };
    // SAFETY: between fork and exec only what is safe in a signal handler may run: these are two
    // system calls, and nothing is allocated.
    unsafe { command.pre_exec(in_child) };
}

/// What Linux thinks of a TCP connection: `struct tcp_info` of `linux/tcp.h`.
///
/// # Errors
/// If it is no TCP socket.
pub(super) fn tcp_info(socket: BorrowedFd<'_>) -> io::Result<libc::tcp_info> {
    // SAFETY: all zeros is a valid value of a struct of numbers.
    let mut info: libc::tcp_info = unsafe { zeroed() };
    let mut length = size_of::<libc::tcp_info>() as socklen_t;
    // SAFETY: the kernel writes at most `length` bytes to `info`, which has as many.
    let result = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::IPPROTO_TCP,
            libc::TCP_INFO,
            (&raw mut info).cast(),
            &raw mut length,
        )
    };
    if result == 0 { Ok(info) } else { Err(io::Error::last_os_error()) }
}

fn request_for(name: &str) -> ifreq {
    // SAFETY: all zeros is a valid value of this struct of numbers.
    let mut request: ifreq = unsafe { MaybeUninit::zeroed().assume_init() };
    // The last byte stays zero: names are that short.
    let places = request.ifr_name.iter_mut().take(libc::IFNAMSIZ - 1);
    for (place, byte) in places.zip(name.bytes()) {
        *place = byte as libc::c_char;
    }
    request
}

fn internet_address(address: Ipv4Addr) -> sockaddr {
    let address = sockaddr_in {
        sin_family: libc::AF_INET as u16,
        sin_port: 0,
        sin_addr: libc::in_addr { s_addr: u32::from_ne_bytes(address.octets()) },
        sin_zero: [0; 8],
    };
    // SAFETY: a sockaddr_in is a sockaddr of the same size; both are made of numbers.
    unsafe { std::mem::transmute::<sockaddr_in, sockaddr>(address) }
}

fn ask(file: BorrowedFd<'_>, what: c_ulong, request: &mut ifreq) -> io::Result<()> {
    // SAFETY: each of these requests reads an ifreq, and writes at most one.
    let result = unsafe { libc::ioctl(file.as_raw_fd(), what as _, &raw mut *request) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

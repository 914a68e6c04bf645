//! Names of the system calls that say something about a video pipeline.

use std::fmt;

/// Numbers of `arch/x86/entry/syscalls/syscall_64.tbl`; the guest is x86-64.
const NAMES: [(u32, &str); 34] = [
    (0, "read"),
    (1, "write"),
    (3, "close"),
    (5, "fstat"),
    (7, "poll"),
    (8, "lseek"),
    (9, "mmap"),
    (10, "mprotect"),
    (11, "munmap"),
    (12, "brk"),
    (20, "writev"),
    (24, "sched_yield"),
    (28, "madvise"),
    (32, "dup"),
    (33, "dup2"),
    (35, "nanosleep"),
    (39, "getpid"),
    (45, "recvfrom"),
    (46, "sendmsg"),
    (47, "recvmsg"),
    (72, "fcntl"),
    (186, "gettid"),
    (202, "futex"),
    (228, "clock_gettime"),
    (230, "clock_nanosleep"),
    (232, "epoll_wait"),
    (233, "epoll_ctl"),
    (262, "newfstatat"),
    (271, "ppoll"),
    (281, "epoll_pwait"),
    (288, "accept4"),
    (292, "dup3"),
    (319, "memfd_create"),
    (332, "statx"),
];

const IOCTL: u32 = 16;
const CLOCK_GETTIME: u32 = 228;
const FUTEX: u32 = 202;
/// `FUTEX_WAIT` and `FUTEX_WAIT_BITSET` of `futex.h`.
const WAITS: [u32; 2] = [0, 9];
/// Without `FUTEX_PRIVATE_FLAG` and `FUTEX_CLOCK_REALTIME`.
const FUTEX_COMMAND: u32 = 0x7f;

/// Requests of `videodev2.h`, `drm.h`, `dma-heap.h` and `dma-buf.h`.
const REQUESTS: [(u32, &str); 26] = [
    (QBUF, "VIDIOC_QBUF"),
    (0xc058_5611, "VIDIOC_DQBUF"),
    (0xc014_5608, "VIDIOC_REQBUFS"),
    (0xc040_5610, "VIDIOC_EXPBUF"),
    (0xc008_561b, "VIDIOC_G_CTRL"),
    (0xc0d0_5604, "VIDIOC_G_FMT"),
    (0xc0d0_5605, "VIDIOC_S_FMT"),
    (0xc0d0_5640, "VIDIOC_TRY_FMT"),
    (0xc058_565d, "VIDIOC_PREPARE_BUF"),
    (0xc040_5602, "VIDIOC_ENUM_FMT"),
    (0xc02c_564a, "VIDIOC_ENUM_FRAMESIZES"),
    (0x8088_5659, "VIDIOC_DQEVENT"),
    (PRIME_FD_TO_HANDLE, "DRM_IOCTL_PRIME_FD_TO_HANDLE"),
    (0x4008_6409, "DRM_IOCTL_GEM_CLOSE"),
    (0xc068_64b8, "DRM_IOCTL_MODE_ADDFB2"),
    (0xc004_64af, "DRM_IOCTL_MODE_RMFB"),
    (0xc008_64d0, "DRM_IOCTL_MODE_CLOSEFB"),
    (0xc030_64b7, "DRM_IOCTL_MODE_SETPLANE"),
    (0xc038_64bc, "DRM_IOCTL_MODE_ATOMIC"),
    (0xc018_643a, "DRM_IOCTL_WAIT_VBLANK"),
    (0xc010_64bd, "DRM_IOCTL_MODE_CREATEPROPBLOB"),
    (0xc018_4800, "DMA_HEAP_IOCTL_ALLOC"),
    (0x4008_6200, "DMA_BUF_IOCTL_SYNC"),
    (0xc008_6202, "DMA_BUF_IOCTL_EXPORT_SYNC_FILE"),
    (0x4008_6203, "DMA_BUF_IOCTL_IMPORT_SYNC_FILE"),
    (0x4008_6201, "DMA_BUF_SET_NAME"),
];

const QBUF: u32 = 0xc058_560f;
const PRIME_FD_TO_HANDLE: u32 = 0xc00c_642e;

/// One system call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Syscall {
    number: u32,
    /// The request of an ioctl or the command of a futex, else 0.
    request: u32,
}

impl Syscall {
    /// The call of that number, whose second argument is `request`.
    pub(super) fn new(number: u32, second_argument: u64) -> Syscall {
        // These arguments are 32 bits wide; the rest of the register means nothing.
        let argument = u32::try_from(second_argument & u64::from(u32::MAX)).expect("just cut");
        let request = match number {
            IOCTL => argument,
            FUTEX => argument & FUTEX_COMMAND,
            _ => 0,
        };
        Syscall { number, request }
    }

    /// Whether it is `VIDIOC_QBUF`.
    pub(super) fn is_queue(self) -> bool {
        self.number == IOCTL && self.request == QBUF
    }

    /// Whether it is `DRM_IOCTL_PRIME_FD_TO_HANDLE`.
    pub(super) fn is_import(self) -> bool {
        self.number == IOCTL && self.request == PRIME_FD_TO_HANDLE
    }

    /// Whether it is `clock_gettime`. Programs read the clock without a call (vDSO), but in a machine whose cycle counter the
    /// kernel distrusts, as it does on a busy emulator: such calls say nothing about a program.
    pub(super) fn reads_clock(self) -> bool {
        self.number == CLOCK_GETTIME
    }

    /// Whether it is an ioctl of whatever kind.
    pub(super) fn is_ioctl(self) -> bool {
        self.number == IOCTL
    }

    /// Whether it is a futex call, to wait or to wake.
    pub(super) fn is_futex(self) -> bool {
        self.number == FUTEX
    }
}

impl fmt::Display for Syscall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.number == IOCTL {
            return match REQUESTS
                .iter()
                .find(|(request, _name)| *request == self.request)
            {
                Some((_request, name)) => f.write_str(name),
                None => write!(f, "ioctl {:#x}", self.request),
            };
        }
        if self.number == FUTEX && WAITS.contains(&self.request) {
            return f.write_str("futex wait");
        }
        match NAMES.iter().find(|(number, _name)| *number == self.number) {
            Some((_number, name)) => f.write_str(name),
            None => write!(f, "call {}", self.number),
        }
    }
}

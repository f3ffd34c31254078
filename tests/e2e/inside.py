"""Makes a system call from inside another process, in a thread of it, as somebody would who had taken it over: by ptrace, on x86_64.

The thread has to be in a system call of its own, waiting; it goes on with that afterwards.
"""

import ctypes
import os
import pathlib
import time

SEIZE, INTERRUPT, GETREGS, SETREGS, SINGLESTEP, DETACH = 0x4206, 0x4207, 12, 13, 9, 17
ALL_THREADS = 0x40000000  # __WALL
SYSCALL = b"\x0f\x05"

REGISTERS = ("r15 r14 r13 r12 rbp rbx r11 r10 r9 r8 rax rcx rdx rsi rdi orig_rax rip cs eflags rsp ss fs_base gs_base ds es fs gs").split()


class Registers(ctypes.Structure):
    _fields_ = [(name, ctypes.c_ulonglong) for name in REGISTERS]


libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
libc.ptrace.restype = ctypes.c_long


def ptrace(request, thread, data=None):
    if libc.ptrace(request, thread, None, data) < 0:
        raise OSError(ctypes.get_errno(), "ptrace")


def registers_of(thread):
    registers = Registers()
    ptrace(GETREGS, thread, ctypes.byref(registers))
    return registers


def place_texts(thread, registers, arguments):
    """Texts go below the stack, beyond what the ABI lets a function use there; their addresses take their place."""
    address, placed = registers.rsp - 4096, []
    with open(f"/proc/{thread}/mem", "r+b", buffering=0) as memory:
        for argument in arguments:
            if isinstance(argument, bytes):
                memory.seek(address)
                memory.write(argument + b"\0")
                placed.append(address)
                address += len(argument) + 1
            else:
                placed.append(argument)
    return placed


def waits_in_a_call(thread, registers):
    with open(f"/proc/{thread}/mem", "rb", buffering=0) as memory:
        memory.seek(registers.rip - len(SYSCALL))
        return memory.read(len(SYSCALL)) == SYSCALL


def stop_in_a_call(thread, tries=100):
    """Its registers. A thread that has something to do goes on for a moment."""
    for _ in range(tries):
        ptrace(SEIZE, thread)
        ptrace(INTERRUPT, thread)
        os.waitpid(thread, ALL_THREADS)
        registers = registers_of(thread)
        if waits_in_a_call(thread, registers):
            return registers
        ptrace(DETACH, thread)
        time.sleep(0.05)
    raise AssertionError("the thread does not wait in a system call")


def system_call(thread, number, *arguments):
    """What the call gives: a negative errno, or its result."""
    before = stop_in_a_call(thread)
    ours = registers_of(thread)
    values = place_texts(thread, before, arguments)
    for name, value in zip(("rdi", "rsi", "rdx", "r10", "r8", "r9"), values + [0] * 6):
        setattr(ours, name, value & (1 << 64) - 1)
    ours.rax, ours.orig_rax, ours.rip = number, (1 << 64) - 1, before.rip - len(SYSCALL)
    ptrace(SETREGS, thread, ctypes.byref(ours))
    ptrace(SINGLESTEP, thread)
    os.waitpid(thread, ALL_THREADS)
    result = ctypes.c_longlong(registers_of(thread).rax).value
    ptrace(SETREGS, thread, ctypes.byref(before))
    ptrace(DETACH, thread)
    return result


def threads(process):
    return [int(task.name) for task in pathlib.Path(f"/proc/{process}/task").iterdir()]

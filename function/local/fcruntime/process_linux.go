package fcruntime

import "syscall"

// sysProcAttr makes the child end with this process, however that ends: an orphan would ask a runtime API that is gone for
// ever, without a pause. It also keeps a terminal's Ctrl-C from the child, which its parent ends.
func sysProcAttr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
}

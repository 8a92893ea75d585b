//go:build unix

package fakefc

import "syscall"

// sysProcAttr keeps a terminal's Ctrl-C from the child: whoever started it ends it, and can still say what happened.
func sysProcAttr() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

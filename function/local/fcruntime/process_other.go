//go:build !linux

package fcruntime

import "syscall"

func sysProcAttr() *syscall.SysProcAttr { return nil }

//go:build !unix

package fcruntime

import "syscall"

func sysProcAttr() *syscall.SysProcAttr { return nil }

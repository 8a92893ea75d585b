//go:build !unix

package fakefc

import "syscall"

func sysProcAttr() *syscall.SysProcAttr { return nil }

package main

import (
	"context"
	"fmt"
	"time"

	"github.com/urfave/cli/v3"
)

func drillCommand() *cli.Command {
	return &cli.Command{
		Name: "drill", Usage: "let the deployed function send an alarm, to see that it arrives",
		Flags: append(targetFlags(), durationFlag("timeout", time.Minute, "how long to wait for the answer")),
		Action: func(ctx context.Context, c *cli.Command) error {
			d, err := target(c)
			if err != nil {
				return err
			}
			asked, cancel := context.WithTimeout(ctx, c.Duration("timeout"))
			defer cancel()
			r, err := d.invoke(asked, []byte(`{"Action":"Drill"}`))
			if err != nil {
				return err
			}
			fmt.Fprintf(c.Root().Writer, "%s\n", r.Answer)
			return r.err()
		},
	}
}

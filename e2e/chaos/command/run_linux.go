package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/troupe-mq/troupe/e2e/chaos"
	"github.com/troupe-mq/troupe/e2e/hosts"
	"github.com/troupe-mq/troupe/e2e/program"
)

// run breaks a cluster until the time is over.
func run(o *options) error {
	if o.Plan {
		o.print()
		return nil
	}
	if err := hosts.Missing(); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	program.Say("seed %d", o.Seed)
	rounds := 0
	began := time.Now()
	err := program.Guarded("chaos", func(h *program.Host) error {
		r := chaos.Start(h, o.Config)
		if o.Operations > 0 {
			r.Operate(ctx, o.operations())
			return nil
		}
		for i := 0; o.more(i, rounds, time.Since(began)); i++ {
			list := o.episode(i, o.PowerLosses-rounds)
			if !r.Episode(ctx, list) {
				program.Say("ended by a signal in episode %d", i+1)
				return nil
			}
			rounds += len(list)
		}
		return nil
	})
	if o.Operations > 0 {
		program.Say("operated for %s with seed %d", time.Since(began).Round(time.Second), o.Seed)
		return err
	}
	program.Say("%d rounds in %s with seed %d", rounds, time.Since(began).Round(time.Second), o.Seed)
	return err
}

// more reports whether another episode follows.
func (o *options) more(episode, rounds int, passed time.Duration) bool {
	if o.PowerLosses > 0 {
		return rounds < o.PowerLosses
	}
	return episode == 0 || passed < o.For
}

func (o *options) print() {
	for i, op := range o.operations() {
		fmt.Printf("operation %d: %s\n", i+1, op)
	}
	if o.Operations > 0 {
		return
	}
	const episodes = 3
	rounds := 0
	for i := 0; i < episodes && (o.PowerLosses == 0 || rounds < o.PowerLosses); i++ {
		for _, r := range o.episode(i, o.PowerLosses-rounds) {
			rounds++
			fmt.Printf("episode %d: %s\n", i+1, r)
		}
	}
}

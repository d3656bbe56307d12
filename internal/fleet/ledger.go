package fleet

import (
	"context"
	"log/slog"
	"time"

	"github.com/grovecloud/grove"
)

// What the audit log has of each command: that it is about to be sent, kept before
// the first byte leaves, and what became of that. A crash in between leaves the
// first alone.
const (
	commandMeant   = "printer.command"
	commandSent    = "printer.command_sent"
	commandRefused = "printer.command_refused" // surely not sent
)

const (
	// holdUp is how long the audit log may hold up what must reach a machine whatever
	// the disk or the database is like.
	holdUp = 250 * time.Millisecond
	// settleWithin is how long an outcome may take to be kept.
	settleWithin = 2 * time.Second
)

// physical is a command on its way to a printer, and who gave it.
type physical struct {
	unit *unit
	who  grove.Actor
	pending
}

// physical numbers a command before it is sent, so that the audit log can name it.
func (f *Fleet) physical(u *unit, who grove.Actor, p pending) physical {
	p.sequence = f.nextSequence()
	return physical{unit: u, who: who, pending: p}
}

// entry is one of the audit log, for the printer's owner.
func (c *physical) entry(action, more string) grove.AuditEntry {
	words := c.request.Class + "." + c.request.Command
	if param := string(c.request.Fields["param"]); param != "" {
		words += " " + param
	}
	return did(c.who, c.unit.serial, c.unit.owner.Load(), action, words+" (sequence "+c.sequence+")"+more)
}

// outcome is the entry of what became of it.
func (c *physical) outcome(err error) grove.AuditEntry {
	if err != nil {
		return c.entry(commandRefused, ": "+words(err))
	}
	return c.entry(commandSent, "")
}

// sendKept sends a command that has an entry, or may not be sent at all any more.
func (f *Fleet) sendKept(ctx context.Context, c *physical) error {
	if err := f.meant(ctx, c); err != nil {
		return err
	}
	var err error
	if ctx.Err() != nil {
		err = grove.Errorf(grove.Unavailable, "too_late", "the command was not sent: it had waited too long")
	} else {
		err = f.send(c.unit, c.pending)
	}
	f.settle(ctx, c.outcome(err))
	return err
}

// meant keeps the entry of a command. Of heat it is one with the time at which it is
// switched off: on disk first, whatever happens then.
func (f *Fleet) meant(ctx context.Context, c *physical) error {
	if c.request.Warms() {
		return f.turns.KeepHeat(ctx, c.unit.serial, time.Now().UTC().Add(f.IdleHeat), c.entry(commandMeant, ""))
	}
	return f.Records.AddAudit(ctx, c.entry(commandMeant, ""))
}

// sendAlways sends what nothing may hold up: a stop, a pause, heat that goes off. A
// full disk or a lost database must not keep a machine running, so that the entries
// then come after.
func (f *Fleet) sendAlways(ctx context.Context, commands ...physical) []error {
	meant := make([]grove.AuditEntry, len(commands))
	for i := range commands {
		meant[i] = commands[i].entry(commandMeant, "")
	}
	soon, cancel := context.WithTimeout(context.WithoutCancel(ctx), holdUp)
	defer cancel()
	var late []grove.AuditEntry
	if f.Records.AddAudit(soon, meant...) != nil { // tried again below
		late = meant
	}
	errs := make([]error, len(commands))
	for i := range commands {
		errs[i] = f.send(commands[i].unit, commands[i].pending)
		late = append(late, commands[i].outcome(errs[i]))
	}
	f.settle(ctx, late...)
	return errs
}

// settle keeps what became of commands. That can't be undone: when it fails, the log
// is told instead of the caller.
func (f *Fleet) settle(ctx context.Context, acts ...grove.AuditEntry) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleWithin)
	defer cancel()
	err := f.Records.AddAudit(ctx, acts...)
	if err == nil {
		return
	}
	for _, a := range acts {
		f.Log.Error("act not in the audit log", slog.String("actor", a.Actor), slog.String("action", a.Action),
			slog.String("printer", a.Serial), slog.String("detail", a.Detail), slog.Any("error", err))
	}
}

// did is the entry of an act on a printer, for its owner.
func did(actor grove.Actor, serial string, owner int64, action, detail string) grove.AuditEntry {
	return grove.AuditEntry{
		At: time.Now().UTC(), Actor: actor.String(), UserID: owner, Action: action, Serial: serial, Detail: detail,
	}
}

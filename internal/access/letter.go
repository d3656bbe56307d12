package access

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/grovecloud/grove"
)

// Mailer takes a letter to be sent soon. It must not wait for the mail server;
// Unavailable when it can take no more.
type Mailer interface {
	Mail(l Letter) error
}

// Letter is a short e-mail with something secret in it.
type Letter struct {
	To      string
	Subject string
	Text    string
	Code    grove.Secret // the code in the text; empty where it has none
	Until   time.Time    // of no use after this
}

// board stands in for mail where none is set up: letters go to the log of whoever
// runs the server, and are shown to owners while they are of use.
type board struct {
	log *slog.Logger

	mu      sync.Mutex
	letters []Letter // oldest first
}

// maxLetters bounds the board. What is pushed off it is in the log.
const maxLetters = 100

// Mail hangs a letter up.
func (b *board) Mail(l Letter) error {
	b.log.Info("no mail is set up, so a letter is here", slog.String("account", l.To), slog.String("subject", l.Subject),
		slog.String("letter", l.Text), slog.Time("valid_until", l.Until))
	b.mu.Lock()
	defer b.mu.Unlock()
	b.letters = append(b.letters, l)
	if over := len(b.letters) - maxLetters; over > 0 {
		b.letters = slices.Delete(b.letters, 0, over)
	}
	return nil
}

// open are the letters that are still of use, newest first.
func (b *board) open(now time.Time) []Letter {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.letters = slices.DeleteFunc(b.letters, func(l Letter) bool { return !now.Before(l.Until) })
	out := slices.Clone(b.letters)
	slices.Reverse(out)
	return out
}

// Letters are what the server could not send, because no mail is set up, and what
// is still of use, newest first. Only an owner may read them: who reads a letter
// can sign in with it.
func (a *Access) Letters(ctx context.Context, actor grove.Actor) ([]Letter, error) {
	if err := a.owner(ctx, actor); err != nil {
		return nil, err
	}
	return a.board.open(time.Now()), nil
}

// Mails reports whether letters are mailed, and not only logged and shown.
func (a *Access) Mails() bool { return a.mail != Mailer(a.board) }

// owner refuses everyone who is not an owner of the installation.
func (a *Access) owner(ctx context.Context, actor grove.Actor) error {
	u, err := a.User(ctx, actor)
	if err != nil {
		return err
	}
	if u.Role != grove.Owner {
		return grove.Errorf(grove.Forbidden, "owners_only", "only an owner of this server may do that; ask one")
	}
	return nil
}

// mailCode makes a code and mails it.
func (a *Access) mailCode(ctx context.Context, kind grove.PassKind, u grove.User) error {
	code, until, err := a.issueCode(ctx, kind, u.ID)
	if err != nil {
		return err
	}
	subject, why := "Your sign-in code", "Somebody, hopefully you, signs in"
	if kind == grove.ResetPass {
		subject, why = "Your code for a new password", "Somebody, hopefully you, wants a new password"
	}
	return a.mail.Mail(Letter{
		To: u.Email, Subject: subject, Code: grove.Secret(code), Until: until,
		Text: fmt.Sprintf("%s at %s. The code is %s. It works once, for ten minutes.\n\n"+
			"If it was not you, do nothing: without this code nobody gets in. Never tell it to anybody.\n", why, a.name, code),
	})
}

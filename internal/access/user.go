package access

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/grovecloud/grove"
)

// Users keeps the accounts. Acts are kept together with the change, or neither is;
// those of a new account are its own.
type Users interface {
	CreateUser(ctx context.Context, u grove.User, acts ...grove.AuditEntry) (grove.User, error)
	CreateFirstUser(ctx context.Context, u grove.User, acts ...grove.AuditEntry) (grove.User, error)
	CreateInvitedUser(ctx context.Context, u grove.User, hash string, use func(*grove.Pass) error, acts ...grove.AuditEntry) (grove.User, error)
	UserByEmail(ctx context.Context, email string) (grove.User, error)
	User(ctx context.Context, id int64) (grove.User, error)
	UpdateUser(ctx context.Context, id int64, change func(*grove.User) error, acts ...grove.AuditEntry) (grove.User, error)
	UserCount(ctx context.Context) (int, error)
	Users(ctx context.Context, page grove.Page) (grove.List[grove.User], error)
}

const (
	maxEmail = 254 // bytes
	maxName  = 100 // characters
	maxURL   = 2048
)

// ProfileChange is what a person changes of their profile; nil leaves it.
type ProfileChange struct {
	Name      *string // at most 100 characters
	AvatarURL *string // empty, or http or https
}

// User gives the account of whoever asks.
func (a *Access) User(ctx context.Context, actor grove.Actor) (grove.User, error) {
	if err := a.Authorize(actor, grove.ReadAccount, grove.Resource{OwnerID: actor.UserID}); err != nil {
		return grove.User{}, err
	}
	return a.records.User(ctx, actor.UserID)
}

// OwnerOf is whose printer that is, for whoever may look at it.
func (a *Access) OwnerOf(ctx context.Context, actor grove.Actor, p grove.Printer) (grove.User, error) {
	if err := a.Authorize(actor, grove.ReadPrinter, grove.Resource{Serial: p.Serial, OwnerID: p.OwnerID}); err != nil {
		return grove.User{}, err
	}
	return a.records.User(ctx, p.OwnerID)
}

// UpdateProfile changes name and picture of whoever signed in.
func (a *Access) UpdateProfile(ctx context.Context, actor grove.Actor, c ProfileChange) (grove.User, error) {
	if err := person(actor); err != nil {
		return grove.User{}, err
	}
	if err := c.check(); err != nil {
		return grove.User{}, err
	}
	return a.records.UpdateUser(ctx, actor.UserID, func(u *grove.User) error {
		if c.Name != nil {
			u.Name = strings.TrimSpace(*c.Name)
		}
		if c.AvatarURL != nil {
			u.AvatarURL = *c.AvatarURL
		}
		return nil
	}, actor.Did("user.profile", ""))
}

func (c ProfileChange) check() error {
	if c.Name != nil {
		if err := checkName(*c.Name); err != nil {
			return err
		}
	}
	if c.AvatarURL == nil || *c.AvatarURL == "" {
		return nil
	}
	u, err := url.Parse(*c.AvatarURL)
	if err != nil || len(*c.AvatarURL) > maxURL || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return wrongField("avatar_url", "the picture's address must be a complete http or https address")
	}
	return nil
}

// AddUser makes an account: Invalid with the field when something is unfit,
// Conflict email_taken when there is one already.
func (a *Access) AddUser(ctx context.Context, email string, password grove.Secret, name string, role grove.Role) (grove.User, error) {
	u, err := a.draft(ctx, email, password, name)
	if err != nil {
		return grove.User{}, err
	}
	if err := checkRole(role); err != nil {
		return grove.User{}, err
	}
	u.Role = role
	u, err = a.records.CreateUser(ctx, u, grove.Actor{}.Did("user.create", string(role)))
	if err != nil {
		return grove.User{}, fmt.Errorf("create user: %w", err)
	}
	a.changed(ctx)
	return u, nil
}

// draft checks what a new account is made of and hashes its password.
func (a *Access) draft(ctx context.Context, email string, password grove.Secret, name string) (grove.User, error) {
	email = normalEmail(email)
	if !isEmail(email) {
		return grove.User{}, wrongField("email", "this is not an e-mail address")
	}
	if err := checkName(name); err != nil {
		return grove.User{}, err
	}
	if err := a.checkPassword(password); err != nil {
		return grove.User{}, err
	}
	leave, err := a.hashes.enter(ctx)
	if err != nil {
		return grove.User{}, err
	}
	defer leave()
	return grove.User{
		Email: email, Name: strings.TrimSpace(name), PasswordHash: a.hashes.hash(password), CreatedAt: time.Now().UTC().Truncate(time.Millisecond),
	}, nil
}

// person refuses everyone who is not a signed-in user.
func person(actor grove.Actor) error {
	if actor.Kind == grove.ActorUser && actor.UserID > 0 {
		return nil
	}
	if nobody(actor) {
		return grove.Errorf(grove.Unauthenticated, grove.ReasonNoCredential, "please login: this needs an account")
	}
	return grove.Errorf(grove.Forbidden, "not_a_person", "only people who signed in have a profile")
}

// normalEmail is the form in which addresses are stored and looked up.
func normalEmail(s string) string { return strings.ToLower(strings.TrimSpace(s)) }

// isEmail accepts name@host, also with a host without dots: a home has such.
func isEmail(s string) bool {
	name, host, ok := strings.Cut(s, "@")
	odd := func(r rune) bool {
		return unicode.IsSpace(r) || unicode.IsControl(r) || r == '@' || r == utf8.RuneError
	}
	return ok && name != "" && host != "" && len(s) <= maxEmail && !strings.ContainsFunc(name+host, odd)
}

func checkName(s string) error {
	if !utf8.ValidString(s) || utf8.RuneCountInString(s) > maxName || strings.ContainsFunc(s, unicode.IsControl) {
		return wrongField("name", fmt.Sprintf("the name must be plain text of at most %d characters", maxName))
	}
	return nil
}

func wrongField(field, words string) error {
	return &grove.Error{
		Code: grove.Invalid, Reason: field + "_unfit", Message: words, Fields: map[string]string{field: words},
	}
}

// oneLine is s as plain text of at most limit bytes.
func oneLine(s string, limit int) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
	for len(s) > limit {
		_, n := utf8.DecodeLastRuneInString(s)
		s = s[:len(s)-n]
	}
	return strings.Clone(s) // not the whole text behind it
}

package main

import (
	"context"
	"fmt"
	"os"
	"text/tabwriter"
	"time"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/client"
	"github.com/grovecloud/grove/cloudapi"
)

type accountCmd struct {
	Show          accountShowCmd     `cmd:"" default:"withargs" help:"Show how the account is protected."`
	Mode          accountModeCmd     `cmd:"" help:"Sign in with the password alone, or with a code by e-mail too."`
	App           accountAppCmd      `cmd:"" help:"Use an authenticator app."`
	NoApp         accountNoAppCmd    `cmd:"" name:"no-app" help:"Do without the authenticator app."`
	RecoveryCodes accountRecoveryCmd `cmd:"" help:"Make new recovery codes in place of the old."`
	Password      accountPasswordCmd `cmd:"" help:"Change the password, and end all other sessions."`
	Reset         accountResetCmd    `cmd:"" help:"Set a forgotten password anew with a code."`
	Confirm       accountConfirmCmd  `cmd:"" help:"Prove again that it is you, before something that would let others in."`
	Sessions      accountSessionsCmd `cmd:"" help:"List where the account is signed in."`
	End           accountEndCmd      `cmd:"" help:"End a session, or all others."`
}

const passwordPrompt = "Password: "

// proof is what is asked for again before something is changed that would let
// others in.
type proof struct {
	Password string `name:"password" help:"Better given by GROVE_PASSWORD or typed when asked." placeholder:"TEXT"`
	Code     string `name:"code" help:"A code of your authenticator app, or a recovery code; asked for where it is wanted." placeholder:"CODE"`
}

// prove does an act that wants proof, and asks for what of it is not given.
func (p proof) prove(at *cloud, prompt string, act func(*client.Client, cloudapi.Proof) error) error {
	cl, err := at.signedIn()
	if err != nil {
		return err
	}
	password, err := askPassword(p.Password, prompt)
	if err != nil {
		return err
	}
	given := cloudapi.Proof{Password: grove.Secret(password), Code: p.Code}
	if err = act(cl, given); !grove.HasReason(err, grove.ReasonCodeWanted) {
		return err
	}
	if given.Code, err = askCode("Code of the authenticator app, or a recovery code: "); err != nil {
		return err
	}
	return act(cl, given)
}

type accountConfirmCmd struct{ proof }

// Run confirms the session of the kept token.
func (c *accountConfirmCmd) Run(ctx context.Context, at *cloud) error {
	return c.confirm(ctx, at)
}

// confirm proves again that it is the account's owner.
func (p proof) confirm(ctx context.Context, at *cloud) error {
	return p.prove(at, "Your password once more: ", func(cl *client.Client, given cloudapi.Proof) error {
		until, err := cl.Confirm(ctx, given)
		if err == nil {
			fmt.Fprintf(os.Stderr, "Confirmed until %s.\n", until.Local().Format(time.TimeOnly))
		}
		return err
	})
}

type accountShowCmd struct{}

// Run shows how the account is protected.
func (c *accountShowCmd) Run(ctx context.Context, at *cloud) error {
	cl, err := at.signedIn()
	if err != nil {
		return err
	}
	s, err := cl.Security(ctx)
	if err != nil {
		return err
	}
	return showSecurity(at, s)
}

func showSecurity(at *cloud, s cloudapi.Security) error {
	return at.show(s, func(w *tabwriter.Writer) {
		fmt.Fprintf(w, "signs in by\t%s\nauthenticator app\t%s\n", s.Mode, yes(s.TOTP))
		if s.TOTP {
			fmt.Fprintf(w, "recovery codes left\t%d\n", s.RecoveryCodes)
		}
		fmt.Fprintf(w, "codes are mailed\t%s\n", yes(s.Mail))
	})
}

type accountModeCmd struct {
	proof

	Mode string `arg:"" enum:"password,code" help:"password, or code: the password and then a code by e-mail."`
}

// Run changes what the account signs in with.
func (c *accountModeCmd) Run(ctx context.Context, at *cloud) error {
	return c.prove(at, passwordPrompt, func(cl *client.Client, given cloudapi.Proof) error {
		s, err := cl.SetLoginMode(ctx, grove.LoginMode(c.Mode), given)
		if err != nil {
			return err
		}
		return showSecurity(at, s)
	})
}

type accountAppCmd struct {
	Password string `name:"password" help:"Better given by GROVE_PASSWORD or typed when asked." placeholder:"TEXT"`
	Code     string `help:"Switch the app on with its code of now, after a first run without." placeholder:"CODE"`
}

// Run shows what the app must be told and switches it on with a code of it.
func (c *accountAppCmd) Run(ctx context.Context, at *cloud) error {
	cl, err := at.signedIn()
	if err != nil {
		return err
	}
	if c.Code != "" {
		return switchOn(ctx, at, cl, c.Code)
	}
	password, err := askPassword(c.Password, passwordPrompt)
	if err != nil {
		return err
	}
	e, err := cl.EnrolTOTP(ctx, cloudapi.Proof{Password: grove.Secret(password)}) // who has an app needs no second
	if err != nil {
		return err
	}
	if err := at.show(e, func(w *tabwriter.Writer) {
		fmt.Fprintf(w, "secret\t%s\nurl\t%s\n", string(e.Secret), string(e.URL))
	}); err != nil {
		return err
	}
	if !interactive() {
		fmt.Fprintln(os.Stderr, "Tell the app the secret, then run: grove account app --code CODE")
		return nil
	}
	code, err := askCode("Tell the app the secret. Its code of now: ")
	if err != nil {
		return err
	}
	return switchOn(ctx, at, cl, code)
}

func switchOn(ctx context.Context, at *cloud, cl *client.Client, code string) error {
	codes, err := cl.ConfirmTOTP(ctx, code)
	if err != nil {
		return err
	}
	return showRecovery(at, codes)
}

func showRecovery(at *cloud, codes []grove.Secret) error {
	return at.show(cloudapi.RecoveryCodes{Codes: codes}, func(w *tabwriter.Writer) {
		for _, c := range codes {
			fmt.Fprintln(w, string(c))
		}
		fmt.Fprintln(w, "\nEach of these recovery codes works once in place of the app's code. They are shown only now.")
	})
}

type accountNoAppCmd struct{ proof }

// Run takes the app away.
func (c *accountNoAppCmd) Run(ctx context.Context, at *cloud) error {
	return c.prove(at, passwordPrompt, func(cl *client.Client, given cloudapi.Proof) error { return cl.RemoveTOTP(ctx, given) })
}

type accountRecoveryCmd struct{ proof }

// Run makes new recovery codes.
func (c *accountRecoveryCmd) Run(ctx context.Context, at *cloud) error {
	return c.prove(at, passwordPrompt, func(cl *client.Client, given cloudapi.Proof) error {
		codes, err := cl.RenewRecoveryCodes(ctx, given)
		if err != nil {
			return err
		}
		return showRecovery(at, codes)
	})
}

type accountPasswordCmd struct {
	proof

	New string `name:"new-password" help:"Better given by GROVE_NEW_PASSWORD or typed when asked." placeholder:"TEXT"`
}

// Run changes the password.
func (c *accountPasswordCmd) Run(ctx context.Context, at *cloud) error {
	next := c.New
	return c.prove(at, passwordPrompt, func(cl *client.Client, given cloudapi.Proof) (err error) {
		if next, err = newPassword(next, "New password: "); err != nil {
			return err
		}
		return cl.ChangePassword(ctx, given, grove.Secret(next))
	})
}

type accountResetCmd struct {
	Email string `arg:"" help:"The account's e-mail address."`
	Code  string `help:"The code; without it, one is mailed." placeholder:"CODE"`
	New   string `name:"new-password" help:"Better given by GROVE_NEW_PASSWORD or typed when asked." placeholder:"TEXT"`
}

// Run has a code mailed, or sets a new password with it.
func (c *accountResetCmd) Run(ctx context.Context, at *cloud) error {
	cl, _, err := at.open()
	if err != nil {
		return err
	}
	if c.Code == "" {
		if err := cl.SendResetCode(ctx, c.Email); err != nil {
			return err
		}
		fmt.Fprintf(os.Stderr, "If %[1]s has an account, a code is on its way. Then run: grove account reset %[1]s --code CODE\n", c.Email)
		return nil
	}
	next, err := newPassword(c.New, "New password: ")
	if err != nil {
		return err
	}
	return cl.ResetPassword(ctx, cloudapi.PasswordReset{Email: c.Email, Code: c.Code, New: grove.Secret(next)})
}

type accountSessionsCmd struct{ paged }

// Run lists sessions.
func (c *accountSessionsCmd) Run(ctx context.Context, at *cloud) error {
	cl, err := at.signedIn()
	if err != nil {
		return err
	}
	list, err := cl.Sessions(ctx, c.page())
	if err != nil {
		return err
	}
	return showList(at, c.paged, list, "No sessions.", func(w *tabwriter.Writer) {
		fmt.Fprintln(w, "ID\tSINCE\tUNTIL\tTHIS ONE\tCLIENT")
		for _, s := range list.Items {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", s.ID, s.CreatedAt.Local().Format(time.DateTime), s.ExpiresAt.Local().Format(time.DateOnly), yes(s.Current), s.Client)
		}
	})
}

type accountEndCmd struct {
	ID     string `arg:"" optional:"" help:"The session."`
	Others bool   `help:"All sessions but this one."`
}

// Run ends sessions.
func (c *accountEndCmd) Run(ctx context.Context, at *cloud) error {
	if (c.ID == "") != c.Others {
		return grove.Errorf(grove.Invalid, "which_session", "say which session ends, or --others for all but this one")
	}
	cl, err := at.signedIn()
	if err != nil {
		return err
	}
	if c.Others {
		return cl.EndOtherSessions(ctx)
	}
	return cl.EndSession(ctx, c.ID)
}

package server

import (
	"errors"
	"regexp"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/client"
	"github.com/grovecloud/grove/cloudapi"
)

const (
	guestEmail    = "guest@example.org"
	guestPassword = "a password of the guest"
)

// must gives what may not fail to come.
func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// guest invites somebody, who accepts and signs in.
func (h *house) guest() *client.Client {
	h.t.Helper()
	ctx := h.t.Context()
	i := must(h.client.Invite(ctx, cloudapi.InvitationRequest{Email: guestEmail, Role: grove.Operator, Proof: cloudapi.Proof{Password: ownerPassword}}))(h.t)
	if waiting := must(h.client.Invitations(ctx))(h.t); len(waiting) != 1 || waiting[0].ID != i.ID {
		h.t.Errorf("invitations %+v", waiting)
	}
	c := h.newClient("")
	must(c.AcceptInvitation(ctx, cloudapi.InvitationAccepted{Token: i.Token, Password: guestPassword, Name: "Guest"}))(h.t)
	must(c.Login(ctx, guestEmail, guestPassword))(h.t)
	return c
}

// code waits for the newest code that the server could not mail.
func (h *house) code() (code string) {
	h.t.Helper()
	until(h.t, "a code is there", func() bool {
		letters := must(h.client.Letters(h.t.Context()))(h.t)
		if len(letters) == 0 {
			return false
		}
		code = regexp.MustCompile(`code is (\d{6})`).FindStringSubmatch(letters[0].Text)[1]
		return true
	})
	return code
}

func TestAGuestSignsInEveryWay(t *testing.T) {
	t.Parallel()
	h := owned(t, testConfig(t))
	ctx := t.Context()
	c := h.guest()

	must(c.SetLoginMode(ctx, grove.ByCode, cloudapi.Proof{Password: guestPassword}))(t)
	again := h.newClient("")
	out, err := again.Login(ctx, guestEmail, guestPassword)
	if !grove.HasReason(err, client.ReasonSecondFactor) || out.LoginType != cloudapi.LoginVerifyCode || again.Token() != "" {
		t.Fatalf("got %+v, %v", out, err)
	}
	if _, err := again.LoginCode(ctx, guestEmail, "1234567"); !grove.HasReason(err, grove.ReasonWrongCode) {
		t.Errorf("a wrong code: %v", err)
	}
	must(again.LoginCode(ctx, guestEmail, h.code()))(t)

	enrolment := must(again.EnrolTOTP(ctx, cloudapi.Proof{Password: guestPassword}))(t)
	now := must(totp.GenerateCode(string(enrolment.Secret), time.Now()))(t)
	recovery := must(again.ConfirmTOTP(ctx, now))(t)
	out, err = again.Login(ctx, guestEmail, guestPassword)
	if !grove.HasReason(err, client.ReasonSecondFactor) || out.LoginType != cloudapi.LoginTFA {
		t.Fatalf("got %+v, %v", out, err)
	}
	if _, err := again.LoginTFA(ctx, out.TFAKey, now); !grove.HasReason(err, grove.ReasonLoginFailed) {
		t.Errorf("a code that was used: %v", err)
	}
	must(again.LoginTFA(ctx, out.TFAKey, string(recovery[0])))(t)
	if s := must(again.Security(ctx))(t); !s.TOTP || s.RecoveryCodes != 9 || s.Mode != grove.ByCode {
		t.Errorf("security %+v", s)
	}

	before := again.Token()
	must(again.Refresh(ctx))(t)
	if again.Token() == before {
		t.Error("a refresh gave the same token")
	}
	other := h.newClient("")
	must(other.LoginTicket(ctx, must(again.Ticket(ctx))(t)))(t)
	if who := must(other.Profile(ctx))(t); who.Account != guestEmail {
		t.Errorf("the ticket signed in %s", who.Account)
	}
	proof := cloudapi.Proof{Password: guestPassword}
	if err := again.RemoveTOTP(ctx, proof); !grove.HasReason(err, grove.ReasonCodeWanted) {
		t.Errorf("the app was asked to go without a code: %v", err)
	}
	proof.Code = string(recovery[1])
	renewed := must(again.RenewRecoveryCodes(ctx, proof))(t)
	proof.Code = string(renewed[0])
	if err := again.RemoveTOTP(ctx, proof); err != nil {
		t.Error(err)
	}
}

func TestAGuestsSessionsEndWhenTheyShould(t *testing.T) {
	t.Parallel()
	h := owned(t, testConfig(t))
	ctx := t.Context()
	c := h.guest()
	stale := func(c *client.Client) bool {
		_, err := c.Profile(ctx)
		return errors.Is(err, grove.Unauthenticated)
	}
	others := make([]*client.Client, 3)
	for i := range others {
		others[i] = h.newClient("")
		must(others[i].Login(ctx, guestEmail, guestPassword))(t)
	}
	list := must(c.Sessions(ctx, grove.Page{}))(t)
	if len(list.Items) != 4 || list.Items[0].Current {
		t.Fatalf("sessions %+v", list.Items)
	}
	if err := c.EndSession(ctx, list.Items[0].ID); err != nil || !stale(others[2]) || stale(others[1]) {
		t.Errorf("ended one: %v", err)
	}
	if err := c.EndOtherSessions(ctx); err != nil || !stale(others[1]) || stale(c) {
		t.Errorf("ended the others: %v", err)
	}
	must(others[0].Login(ctx, guestEmail, guestPassword))(t)
	if err := c.ChangePassword(ctx, cloudapi.Proof{Password: guestPassword}, "another password"); err != nil || !stale(others[0]) || stale(c) {
		t.Errorf("changed the password: %v", err)
	}
	if err := c.SendResetCode(ctx, guestEmail); err != nil {
		t.Fatal(err)
	}
	in := cloudapi.PasswordReset{Email: guestEmail, Code: h.code(), New: guestPassword}
	if err := c.ResetPassword(ctx, in); err != nil || !stale(c) {
		t.Errorf("reset the password: %v", err)
	}
	users := must(h.client.Users(ctx, grove.Page{}))(t)
	given := must(h.client.ResetUser(ctx, users.Items[0].ID, cloudapi.UserReset{Proof: cloudapi.Proof{Password: ownerPassword}}))(t)
	in = cloudapi.PasswordReset{Email: guestEmail, Code: string(given.Code), New: "a third password"}
	if err := c.ResetPassword(ctx, in); err != nil {
		t.Error(err)
	}
	must(c.Login(ctx, guestEmail, "a third password"))(t)
}

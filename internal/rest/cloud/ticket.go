package cloud

import (
	"context"
	"errors"
	"net/http"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/cloudapi"
	"github.com/grovecloud/grove/internal/fleet"
	"github.com/grovecloud/grove/internal/rest"
)

func (f *face) mountTickets(rt *rest.Router) {
	mint := get(userService+"/user/ticket", tagAccount, "A ticket to hand my session to another program")
	mint.About = "It opens nothing until it is bound with `POST my/ticket/{ticket}`, and then once, for five minutes."
	rest.Handle(rt, mint, f.newTicket)
	rest.Handle(rt, post(userService+"/my/ticket/{ticket}", tagAccount, "Bind a ticket to my session, or the printer of a PIN to my account"), f.bindTicket)
	rest.Handle(rt, get(userService+"/my/ticket/{ticket}", tagAccount, "Does a ticket of mine, or a printer's PIN, still count?"), f.ticketState)
	redeem := opening(userService+"/user/ticket/{ticket}", "Sign in with a bound ticket")
	redeem.Unkeyed, redeem.KeyedBy = "", []string{"ticket"}
	rest.Handle(rt, redeem, f.redeemTicket)
	pair := post(userService+"/my/pincode/{pin}", tagAccount, "Bind the printer of a PIN")
	pair.About = "Its owner makes the PIN with `POST /v1/grove-service/printers/{serial}/pin`. The printer keeps its access code and its device secret."
	rest.Handle(rt, pair, f.pair)

	o := get(signIn+"/ticket", tagAccount, "Sign a browser in with a bound ticket")
	o.Open, o.SignsIn = true, true
	o.About = "Leads on to `to`: a path of this server, or `http://localhost:PORT/…`. The access token is in the cookie `token`, and the browser is signed in to the dashboard."
	rest.Plain(rt, o, rest.Raw{
		Query: []string{"to", "ticket"}, Also: map[int]string{http.StatusTemporaryRedirect: "To where `to` says"},
	}, f.enterByTicket(rt))
}

func (f *face) newTicket(ctx context.Context, _ *struct{}) (cloudapi.Ticket, error) {
	t, err := f.Access.NewTicket(ctx, rest.Actor(ctx))
	return cloudapi.Ticket{Ticket: t, Pincode: t}, err
}

type ticketInput struct {
	Ticket string `path:"ticket" maxLength:"128"`
}

// boundTicket takes any body: it repeats what is in the path.
type boundTicket struct {
	Ticket string `path:"ticket" maxLength:"128"`
	Client string `header:"User-Agent"`
	Body   *cloudapi.TicketRequest
}

func (f *face) bindTicket(ctx context.Context, in *boundTicket) (rest.Empty, error) {
	if fleet.IsPIN(in.Ticket) {
		_, err := f.Fleet.Claim(ctx, rest.Actor(ctx), in.Ticket)
		return rest.Empty{}, err
	}
	return rest.Empty{}, f.Access.BindTicket(ctx, rest.Actor(ctx), in.Ticket)
}

// ticketState takes a PIN as well: it is the ticket of a device.
func (f *face) ticketState(ctx context.Context, in *ticketInput) (cloudapi.TicketState, error) {
	if fleet.IsPIN(in.Ticket) {
		_, err := f.Fleet.OffersPIN(ctx, rest.Actor(ctx), in.Ticket)
		if errors.Is(err, grove.NotFound) {
			return cloudapi.TicketState{Source: cloudapi.TicketOfDevice}, nil
		}
		return cloudapi.TicketState{Source: cloudapi.TicketOfDevice, Valid: err == nil}, err
	}
	open, err := f.Access.TicketOpen(ctx, rest.Actor(ctx), in.Ticket)
	return cloudapi.TicketState{Source: cloudapi.TicketOfWeb, Valid: open}, err
}

func (f *face) redeemTicket(ctx context.Context, in *boundTicket) (cloudapi.TicketLogin, error) {
	t, err := f.Access.RedeemTicket(ctx, in.Ticket, in.Client, rest.Remote(ctx).String())
	if err != nil {
		return cloudapi.TicketLogin{}, err
	}
	out := cloudapi.TicketLogin{Login: loginOf(t)}
	out.AccessMethod = cloudapi.AccessByTicket
	return out, nil
}

func (f *face) enterByTicket(rt *rest.Router) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		to, err := rt.Target(r, q.Get("to"))
		if err != nil {
			rest.Fail(rt, w, r, err)
			return
		}
		t, err := f.Access.RedeemTicket(r.Context(), q.Get("ticket"), r.UserAgent(), rest.Remote(r.Context()).String())
		if err != nil {
			rest.Fail(rt, w, r, err)
			return
		}
		if t.ExpiresIn, err = rt.SignInBrowser(r.Context(), t); err != nil {
			rest.Fail(rt, w, r, err)
			return
		}
		rest.SetToken(r.Context(), t)                         // of the same session, which ends then
		http.Redirect(w, r, to, http.StatusTemporaryRedirect) //nolint:gosec // G710: Target takes paths of this server and the visitor's own machine only
	}
}

type pinInput struct {
	PIN  string `path:"pin" maxLength:"64"`
	Body *cloudapi.PincodeRequest
}

func (f *face) pair(ctx context.Context, in *pinInput) (cloudapi.Paired, error) {
	p, err := f.Fleet.Claim(ctx, rest.Actor(ctx), in.PIN)
	return cloudapi.Paired{DeviceID: p.Serial}, err
}

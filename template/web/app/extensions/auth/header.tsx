import { useNavigate } from "react-router";

import { auth } from "~/core/session";
import { Button } from "~/core/ui/button";

/** Ends the session of this browser, in all its tabs. */
export function Header() {
  const navigate = useNavigate();
  return (
    <Button
      variant="outline"
      size="small"
      onClick={() => {
        void auth()
          .then((client) => client.signOut({ scope: "local" }))
          .then(() => navigate("/sign-in"));
      }}
    >
      Sign out
    </Button>
  );
}

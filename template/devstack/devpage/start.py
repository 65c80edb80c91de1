"""`python -m devstack.devpage.start NAME`: enqueue the task of a schedule now."""

import sys


def main() -> None:
    """Enqueue it, and print the id of the task."""
    # Not at the top: a module of the dev stack imports the app only to run it.
    from app.core.database import sync_session
    from app.core.features import load_all_settings, load_models
    from app.core.tasks import enqueue
    from app.core.tasks.application import bind, configure_celery, schedules

    configure_celery(load_all_settings())
    load_models()
    found = schedules().get(sys.argv[1])
    if found is None:
        raise SystemExit(f"There is no schedule {sys.argv[1]}.")
    with sync_session() as session:
        task_id = enqueue(session, bind(found["task"], (), found["kwargs"]))
        session.commit()
    print(task_id)


if __name__ == "__main__":
    main()

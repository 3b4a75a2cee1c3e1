/* The plan that runs when no target is named: burrow.yaml, which starts burrow itself and loads all
 * of its tools. */
#ifndef CICADA_PLAN_BURROW_PLAN_H
#define CICADA_PLAN_BURROW_PLAN_H

#define BURROW_PLAN_NAME "burrow.yaml" /* in messages */

extern const char burrow_plan[]; /* its text, made from burrow.yaml at build time */

#endif
